"""aws-chunked bodies come apart wherever they are cut, and not at all if they were tampered with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib

import pytest

from dffs.gateway.chunks import Checks, ChunkedBody, PlainBody, body_of
from dffs.gateway.errors import S3Error
from dffs.gateway.sigv4 import Signed

KEY = b"k" * 32
SEED = "0" * 64
EMPTY = hashlib.sha256(b"").hexdigest()


def _signed(payload: str) -> Signed:
    return Signed("AK", payload, "20260101T000000Z", "20260101/r/s3/aws4_request", KEY, SEED)


def _sign(previous: str, digests: str, what: str = "AWS4-HMAC-SHA256-PAYLOAD") -> str:
    text = f"{what}\n20260101T000000Z\n20260101/r/s3/aws4_request\n{previous}\n{digests}"
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


def _signed_body(*chunks: bytes) -> bytes:
    body, previous = b"", SEED
    for chunk in (*chunks, b""):
        previous = _sign(previous, f"{EMPTY}\n{hashlib.sha256(chunk).hexdigest()}")
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    return body


def _read(body: ChunkedBody | PlainBody, data: bytes, step: int) -> bytes:
    plain = b"".join(
        part for at in range(0, len(data), step) for part in body.feed(data[at : at + step])
    )
    body.finish()
    return plain


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_signed_chunks_are_put_together(step: int) -> None:
    body = body_of(_signed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))
    assert _read(body, _signed_body(b"hello ", b"world"), step) == b"hello world"


def test_a_changed_chunk_is_refused() -> None:
    data = _signed_body(b"hello ", b"world").replace(b"world", b"w0rld")
    with pytest.raises(S3Error) as told:
        _read(body_of(_signed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")), data, 100)
    assert told.value.name == "SignatureDoesNotMatch"


def test_a_cut_body_is_refused() -> None:
    body = body_of(_signed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))
    with pytest.raises(S3Error) as told:
        _read(body, _signed_body(b"hello", b"world")[:-95], 100)
    assert told.value.name == "IncompleteBody"


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_an_unsigned_body_with_a_trailer_is_checked_by_its_sum(step: int) -> None:
    total = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()
    data = f"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:{total}\r\n\r\n".encode()
    body = body_of(_signed("STREAMING-UNSIGNED-PAYLOAD-TRAILER"))
    checks = Checks({"x-amz-trailer": "x-amz-checksum-crc32"}, body_payload := "STREAMING-")
    assert body_payload
    checks.update(_read(body, data, step))
    checks.finish(body.trailers)
    assert checks.told() == {"x-amz-checksum-crc32": total}


def test_a_signed_trailer_must_be_there() -> None:
    data = _signed_body(b"x")[:-2] + b"x-amz-checksum-crc32:AAAA\r\n\r\n"
    with pytest.raises(S3Error) as told:
        _read(body_of(_signed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")), data, 100)
    assert told.value.name == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-crc32", "y/Q5Jg=="),
        ("x-amz-checksum-crc32c", "4waSgw=="),
        ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
        ("x-amz-checksum-sha1", "98O8HYCOBHMqyGBVMnVRbNNmWfQ="),
        ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
    ],
)
def test_every_kind_of_sum_is_known(name: str, value: str) -> None:
    right = Checks({name: value}, "")
    right.update(b"1234")
    right.update(b"56789")
    if not name.endswith("sha1"):
        right.finish({})
    wrong = Checks({name: value}, "")
    wrong.update(b"123456780")
    with pytest.raises(S3Error) as told:
        wrong.finish({})
    assert told.value.name == "BadDigest"


def test_the_signed_sha256_is_that_of_the_content() -> None:
    checks = Checks({}, hashlib.sha256(b"right").hexdigest())
    checks.update(b"wrong")
    with pytest.raises(S3Error) as told:
        checks.finish({})
    assert told.value.name == "XAmzContentSHA256Mismatch"
