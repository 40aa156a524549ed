"""Signatures as botocore makes them hold; anything that was changed on the way does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dffs.gateway import sigv4
from dffs.gateway.calls import split_target
from dffs.gateway.errors import S3Error

KEYS = {"AKDFFS": "a secret/with+signs"}
URL = "http://127.0.0.1:9000/models/org/na%20me+%C3%A9/model.bin"


def _signed(method: str = "PUT", url: str = URL, body: bytes = b"hello") -> AWSRequest:
    request = AWSRequest(method, url, data=body, headers={"x-amz-meta-a": " two  words "})
    request.context["payload_signing_enabled"] = True
    S3SigV4Auth(Credentials("AKDFFS", KEYS["AKDFFS"]), "s3", "eu-central-1").add_auth(request)
    return request


def _received(request: AWSRequest, **changes: Any) -> sigv4.Request:
    prepared = request.prepare()
    path, _, query = prepared.url.partition("//")[2].partition("/")[2].partition("?")
    headers = [("Host", "127.0.0.1:9000")]
    headers += [(k, v if isinstance(v, str) else v.decode()) for k, v in prepared.headers.items()]
    values = {"method": prepared.method, "path": f"/{path}", "query": query, "headers": headers}
    return sigv4.Request(**{**values, **changes})


def _now() -> float:
    return datetime.now(UTC).timestamp()


def test_a_header_signature_holds_and_tells_the_payload() -> None:
    signed = sigv4.check(_received(_signed()), KEYS.get, _now())
    assert signed.access_key == "AKDFFS"
    assert signed.payload.startswith("2cf24dba")


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "DELETE"},
        {"path": "/models/org/other"},
        {"query": "acl"},
    ],
)
def test_what_was_changed_on_the_way_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(S3Error) as told:
        sigv4.check(_received(_signed(), **changes), KEYS.get, _now())
    assert told.value.name == "SignatureDoesNotMatch"


def test_another_secret_is_refused() -> None:
    with pytest.raises(S3Error) as told:
        sigv4.check(_received(_signed()), {"AKDFFS": "other"}.get, _now())
    assert told.value.name == "SignatureDoesNotMatch"


def test_an_unknown_key_and_no_signature_are_refused() -> None:
    with pytest.raises(S3Error) as unknown:
        sigv4.check(_received(_signed()), {}.get, _now())
    assert unknown.value.name == "InvalidAccessKeyId"
    with pytest.raises(S3Error) as none:
        sigv4.check(_received(AWSRequest("GET", URL)), KEYS.get, _now())
    assert none.value.http_status == 403


def test_a_header_that_was_added_is_refused() -> None:
    received = _received(_signed())
    added = [*received.headers, ("x-amz-copy-source", "/models/secret")]
    with pytest.raises(S3Error, match="not signed"):
        sigv4.check(_received(_signed(), headers=added), KEYS.get, _now())


def test_an_old_request_is_refused() -> None:
    with pytest.raises(S3Error) as told:
        sigv4.check(_received(_signed()), KEYS.get, _now() + 1000)
    assert told.value.name == "RequestTimeTooSkewed"


def test_a_presigned_url_holds_until_it_expires() -> None:
    request = AWSRequest("GET", URL)
    credentials = Credentials("AKDFFS", KEYS["AKDFFS"])
    S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=60).add_auth(request)
    received = _received(request)
    assert sigv4.check(received, KEYS.get, _now()).payload == sigv4.UNSIGNED
    with pytest.raises(S3Error, match="expired"):
        sigv4.check(received, KEYS.get, _now() + 90)
    with pytest.raises(S3Error) as told:
        sigv4.check(_received(request, path="/models/else"), KEYS.get, _now())
    assert told.value.name == "SignatureDoesNotMatch"


def test_a_bucket_is_named_by_the_path_or_by_the_host() -> None:
    assert split_target("/models/a%20b/c", "x=1&acl", "host:9000", "") == (
        "models",
        "a b/c",
        {"x": "1", "acl": ""},
    )
    assert split_target("/a/b", "", "models.s3.local:9000", "s3.local")[:2] == ("models", "a/b")
    assert split_target("/models/a", "", "s3.local", "s3.local")[:2] == ("models", "a")
    assert split_target("/", "", "s3.local", "")[:2] == ("", "")
