"""The body of an upload as plain bytes: `aws-chunked` taken apart, signatures and checksums checked.

Pure and incremental: the server feeds what arrives and gets plain bytes. Format: AWS "Signature
calculations … transferring payload in multiple chunks", with and without signatures and trailers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

from dffs.gateway.errors import S3Error
from dffs.gateway.sigv4 import Signed

_EMPTY = hashlib.sha256(b"").hexdigest()
_MAX_LINE_BYTES = 4096
_MAX_CHUNK_BYTES = 64 << 20


class PlainBody:
    """A body that is sent as it is."""

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes in `data`."""
        yield data

    def finish(self) -> None:
        """Called at the end of the body."""


class ChunkedBody:
    """An `aws-chunked` body; `signed` is None where the chunks carry no signatures."""

    def __init__(self, signed: Signed | None, *, trailer: bool) -> None:
        self.trailers: dict[str, str] = {}
        self._signed = signed
        self._previous = signed.signature if signed else ""
        self._with_trailer = trailer
        self._buffer = bytearray()
        self._state = "size"
        self._left = 0
        self._signature = ""
        self._hash = hashlib.sha256()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes that are complete with `data`."""
        self._buffer += data
        while True:
            if self._state == "data":
                if not self._buffer:
                    return
                yield from self._content()
            elif (line := self._line()) is None:
                return
            else:
                self._on_line(line)

    def finish(self) -> None:
        """Raises S3Error if the last chunk did not come."""
        if self._state == "trailer" and self._buffer:
            self._on_line(bytes(self._buffer))
            self._buffer.clear()
        if self._state not in ("trailer", "end"):
            raise S3Error("IncompleteBody", "The last chunk is missing.")
        if self._with_trailer and self._signed and "x-amz-trailer-signature" not in self.trailers:
            raise S3Error("SignatureDoesNotMatch", "The trailer is not signed.")

    def _content(self) -> Iterator[bytes]:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        if self._signed:
            self._hash.update(piece)
        if not self._left:
            self._check_signature()
            self._state = "gap"
        yield piece

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0 or end > _MAX_LINE_BYTES:
            if len(self._buffer) > _MAX_LINE_BYTES:
                raise S3Error("InvalidRequest", "The body is not aws-chunked.")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _on_line(self, line: bytes) -> None:
        if self._state == "size":
            self._on_size(line)
        elif self._state == "gap":
            if line:
                raise S3Error("InvalidRequest", "A chunk is longer than its size.")
            self._state = "size"
        elif self._state == "trailer" and line:
            self._on_trailer(line)
        elif not line:
            self._state = "end"

    def _on_size(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        try:
            self._left = int(size, 16)
        except ValueError as error:
            raise S3Error("InvalidRequest", "A chunk's size is not a number.") from error
        if not 0 <= self._left <= _MAX_CHUNK_BYTES:
            raise S3Error("InvalidRequest", "A chunk is larger than 64 MiB.")
        self._signature = extension.partition(b"=")[2].decode("ascii", "replace")
        self._hash = hashlib.sha256()
        self._state = "data"
        if not self._left:
            self._check_signature()
            self._state = "trailer"

    def _on_trailer(self, line: bytes) -> None:
        name, _, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        if name == "x-amz-trailer-signature" and self._signed:
            text = "".join(f"{key}:{held}\n" for key, held in sorted(self.trailers.items()))
            digest = hashlib.sha256(text.encode()).hexdigest()
            self._compare("AWS4-HMAC-SHA256-TRAILER", digest, value.strip())
        self.trailers[name] = value.strip()

    def _check_signature(self) -> None:
        if self._signed:
            digests = f"{_EMPTY}\n{self._hash.hexdigest()}"
            self._compare("AWS4-HMAC-SHA256-PAYLOAD", digests, self._signature)

    def _compare(self, what: str, digests: str, signature: str) -> None:
        assert self._signed is not None
        head = f"{what}\n{self._signed.time}\n{self._signed.scope}\n{self._previous}\n{digests}"
        expected = hmac.new(self._signed.key, head.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise S3Error("SignatureDoesNotMatch", "A chunk's signature is not that of the key.")
        self._previous = expected


def body_of(signed: Signed | None) -> PlainBody | ChunkedBody:
    """How the body of a request with this signature is read; None: an anonymous one, as it is."""
    payload = signed.payload if signed else ""
    if not payload.startswith("STREAMING-"):
        return PlainBody()
    trailer = payload.endswith("-TRAILER")
    kind = payload.removesuffix("-TRAILER")
    if kind == "STREAMING-UNSIGNED-PAYLOAD":
        return ChunkedBody(None, trailer=trailer)
    if kind == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
        return ChunkedBody(signed, trailer=trailer)
    raise S3Error("NotImplemented", "This kind of signed body is not taken here.")


class Sum(Protocol):
    """A checksum that grows."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """The bytes of the sum, as the header carries them in base64."""
        ...


class _Crc:
    """crc32, crc32c, crc64nvme. The last two come from awscrt, which the AWS clients use as well."""

    def __init__(self, name: str) -> None:
        self._value = 0
        self._size = 8 if name == "crc64nvme" else 4
        if name == "crc32":
            self._add = zlib.crc32
        else:
            from awscrt import checksums

            self._add = getattr(checksums, name)

    def update(self, data: bytes, /) -> None:
        self._value = self._add(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


_SUMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")


class Checks:
    """Compares a body with every checksum that its headers or trailers name."""

    def __init__(self, headers: Mapping[str, str], payload: str) -> None:
        self._payload = payload if len(payload) == 64 else ""
        self._sha256 = hashlib.sha256() if self._payload else None
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._expected = {
            name: value for name in _SUMS if (value := headers.get(f"x-amz-checksum-{name}"))
        }
        self._expected_md5 = headers.get("content-md5")
        named = headers.get("x-amz-trailer", "").lower()
        trailed = [name for name in _SUMS if f"x-amz-checksum-{name}" in named.split(",")]
        self._sums: dict[str, Sum] = {name: _sum(name) for name in {*self._expected, *trailed}}

    def update(self, data: bytes) -> None:
        """Add bytes of the body. Called in a thread: it hashes."""
        if self._sha256:
            self._sha256.update(data)
        self.md5.update(data)
        for one in self._sums.values():
            one.update(data)

    def finish(self, trailers: Mapping[str, str]) -> None:
        """Raises S3Error if the body is not what was promised."""
        if self._sha256 and self._sha256.hexdigest() != self._payload:
            raise S3Error("XAmzContentSHA256Mismatch")
        if self._expected_md5 and _binary(self._expected_md5, 16) != self.md5.digest():
            raise S3Error("BadDigest")
        for name, one in self._sums.items():
            promised = self._expected.get(name) or trailers.get(f"x-amz-checksum-{name}")
            if promised and promised != base64.b64encode(one.digest()).decode():
                raise S3Error(
                    "BadDigest", f"The {name} of the content is not the one that was sent."
                )

    @property
    def digest(self) -> str:
        """`sha256:…` of the content where it was computed; valid after finish()."""
        return f"sha256:{self._payload}" if self._payload else ""

    def told(self) -> dict[str, str]:
        """Headers of the answer: the sums that were checked."""
        return {
            f"x-amz-checksum-{name}": base64.b64encode(one.digest()).decode()
            for name, one in self._sums.items()
        }


def _sum(name: str) -> Sum:
    return hashlib.new(name, usedforsecurity=False) if name.startswith("sha") else _Crc(name)


def _binary(text: str, size: int) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error:
        value = b""
    if len(value) != size:
        raise S3Error("InvalidDigest")
    return value
