"""AWS Signature Version 4, checked: in the Authorization header or in a presigned query.

Pure; the server gives what it received, byte for byte. Format: AWS "Signature Version 4 signing
process" for S3 (the path is encoded once, never normalised). The result tells what the body must be
compared with (:class:`Signed`); `chunks` goes on from its seed where the body itself is signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

from dffs.gateway.errors import S3Error

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_SKEW_S = 15 * 60
MAX_EXPIRES_S = 7 * 86400
_TIME = "%Y%m%dT%H%M%SZ"
_FIELDS = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")
_HEX64 = re.compile(r"[0-9a-f]{64}")

Headers = Sequence[tuple[str, str]]
SecretOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Request:
    """What was received: `path` as sent (still encoded), `query` without the question mark."""

    method: str
    path: str
    query: str
    headers: Headers

    def header(self, name: str) -> str | None:
        """All values of a header as one, or None."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True, repr=False)
class Signed:
    """A signature that holds. `payload` is the sha256 of the body in hex, or one of AWS's words."""

    access_key: str
    payload: str
    time: str
    scope: str
    key: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says about itself, before anything of it is believed."""

    credential: str
    signed_headers: tuple[str, ...]
    signature: str
    time: str
    payload: str
    expires_s: int | None


def check(request: Request, secret_of: SecretOf, now_s: float) -> Signed:
    """Who signed this request. Raises S3Error if nobody did, or not rightly, or too long ago."""
    claim = _claim(request)
    access_key, _, scope = claim.credential.partition("/")
    parts = scope.split("/")
    if (
        len(parts) != 4
        or parts[2:] != ["s3", "aws4_request"]
        or not claim.time.startswith(parts[0])
    ):
        raise S3Error("AuthorizationHeaderMalformed", "The credential's scope is not one of S3.")
    _check_time(claim, now_s)
    secret = secret_of(access_key)
    if secret is None:
        raise S3Error("InvalidAccessKeyId")
    if "host" not in claim.signed_headers:
        raise S3Error("AuthorizationHeaderMalformed", "The host header is not signed.")
    key = signing_key(secret, parts[0], parts[1])
    # Clients sign the path as they send it, or as Amazon encodes it: both name the same key.
    for path in dict.fromkeys((request.path, encoded_path(request.path))):
        text = string_to_sign(claim.time, scope, canonical_request(request, claim, path))
        expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected.encode(), claim.signature.encode()):
            return Signed(access_key, claim.payload, claim.time, scope, key, expected)
    raise S3Error("SignatureDoesNotMatch")


def encoded_path(path: str) -> str:
    """A path with everything encoded that is not unreserved, once."""
    return quote(unquote_to_bytes(path), safe="/-_.~") or "/"


def signing_key(secret: str, day: str, region: str) -> bytes:
    """The key of one day, region and the service S3."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def string_to_sign(time: str, scope: str, canonical: str) -> str:
    """The text that the signing key signs."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{time}\n{scope}\n{digest}"


def canonical_request(request: Request, claim: _Claim, path: str) -> str:
    """The request in the one form that both sides can compute."""
    headers = "".join(
        f"{name}:{' '.join((request.header(name) or '').split())}\n"
        for name in claim.signed_headers
    )
    query = canonical_query(request.query, without="X-Amz-Signature")
    names = ";".join(claim.signed_headers)
    return f"{request.method}\n{path}\n{query}\n{headers}\n{names}\n{claim.payload}"


def canonical_query(query: str, *, without: str = "") -> str:
    """Names and values encoded and sorted."""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != without:
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", "%20")), safe="-_.~")


def _claim(request: Request) -> _Claim:
    header = request.header("authorization")
    if header is not None:
        return _claim_of_header(request, header)
    query = dict(part.partition("=")[::2] for part in request.query.split("&"))
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        return _claim_of_query({name: _decoded(value) for name, value in query.items()})
    if "AWSAccessKeyId" in query:
        raise S3Error(
            "AccessDenied", "Signature version 2 is not taken; clients choose 4 by `s3v4`."
        )
    raise S3Error("AccessDenied", "The request is not signed (AWS Signature Version 4).")


def _claim_of_header(request: Request, header: str) -> _Claim:
    algorithm, _, rest = header.partition(" ")
    fields = dict(_FIELDS.findall(rest))
    if algorithm != ALGORITHM or len(fields) != 3:
        raise S3Error("AuthorizationHeaderMalformed", f"Only {ALGORITHM} is taken here.")
    payload = request.header("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "x-amz-content-sha256 is missing.")
    if (
        not payload.startswith("STREAMING-")
        and payload != UNSIGNED
        and not _HEX64.fullmatch(payload)
    ):
        raise S3Error(
            "InvalidArgument", "x-amz-content-sha256 is neither a sha256 nor a known word."
        )
    names = tuple(fields["SignedHeaders"].split(";"))
    time = request.header("x-amz-date") or ""
    _no_unsigned_amz(request, names)
    return _Claim(fields["Credential"], names, fields["Signature"], time, payload, None)


def _no_unsigned_amz(request: Request, signed: tuple[str, ...]) -> None:
    """A header that changes what is done must not be added by somebody on the way."""
    for name, _ in request.headers:
        lower = name.lower()
        if lower.startswith("x-amz-") and lower not in (*signed, "x-amz-user-agent"):
            raise S3Error("AccessDenied", f"The header {name} is not signed.")


def _claim_of_query(query: dict[str, str]) -> _Claim:
    try:
        return _Claim(
            query["X-Amz-Credential"],
            tuple(query["X-Amz-SignedHeaders"].split(";")),
            query["X-Amz-Signature"],
            query["X-Amz-Date"],
            query.get("X-Amz-Content-Sha256", UNSIGNED),
            int(query["X-Amz-Expires"]),
        )
    except (KeyError, ValueError) as error:
        raise S3Error(
            "AuthorizationHeaderMalformed", f"{error} of the query is missing."
        ) from error


def _check_time(claim: _Claim, now_s: float) -> None:
    try:
        signed_s = datetime.strptime(claim.time, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise S3Error("AccessDenied", "x-amz-date is missing or not a time.") from error
    if claim.expires_s is None:
        if abs(now_s - signed_s) > MAX_SKEW_S:
            raise S3Error("RequestTimeTooSkewed")
        return
    if not 1 <= claim.expires_s <= MAX_EXPIRES_S:
        raise S3Error("InvalidArgument", "X-Amz-Expires is not between 1 s and 7 days.")
    if signed_s - now_s > MAX_SKEW_S:
        raise S3Error("RequestTimeTooSkewed")
    if now_s > signed_s + claim.expires_s:
        raise S3Error("AccessDenied", "The presigned URL has expired.")


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", "%20")).decode("utf-8", "replace")
