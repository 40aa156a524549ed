"""One request as the operations see it, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qsl, quote, unquote

from dffs.gateway.bucket import Object
from dffs.gateway.errors import S3Error
from dffs.gateway.metadata import DEFAULT_TYPE
from dffs.gateway.sigv4 import Signed
from dffs.treefile import TreeReader

_READABLE = " !#$%&'()*+,-./:;<=>?@[]^_`{|}~\""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose signature held. Names of headers are in lower case; `body` is small XML."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    signed: Signed | None
    body: bytes = b""

    def number(self, name: str, default: int) -> int:
        """A whole number of the query. Raises S3Error."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if not text.isdigit():
            raise S3Error("InvalidArgument", f"{name} is not a whole number.")
        return int(text)


@dataclass(slots=True)
class Reply:
    """An answer: a small body, or a range of an object that is streamed and then closed."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reader: TreeReader | None = None
    start: int = 0
    length: int = 0

    @classmethod
    def xml(cls, document: bytes, status: int = 200) -> Reply:
        """A document."""
        return cls(status, {"Content-Type": "application/xml"}, document)


def split_target(path: str, query: str, host: str, domain: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, key and query of a request: path style, or the bucket as the first part of the host."""
    name = host.partition(":")[0].lower()
    whole = unquote(path, errors="surrogateescape").lstrip("/")
    pairs = dict(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))
    if domain and name.endswith(f".{domain}"):
        return name.removesuffix(f".{domain}"), whole, pairs
    bucket, _, key = whole.partition("/")
    return bucket, key, pairs


def object_headers(found: Object, query: Mapping[str, str]) -> dict[str, str]:
    """What GET and HEAD tell of an object; a presigned query may replace some of it."""
    headers = {
        "Content-Type": DEFAULT_TYPE,
        **found.kept.headers,
        "ETag": f'"{found.etag}"',
        "Last-Modified": formatdate(found.attr.mtime_ns // 1_000_000_000, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if "content-type" in headers:
        headers["Content-Type"] = headers.pop("content-type")
    if found.kept.tags:
        headers["x-amz-tagging-count"] = str(len(found.kept.tags))
    for name in ("type", "language", "encoding", "disposition"):
        if value := query.get(f"response-content-{name}"):
            headers[f"Content-{name.title()}"] = _one_line(value)
    if value := query.get("response-cache-control"):
        headers["Cache-Control"] = _one_line(value)
    return {name: _latin(value) for name, value in headers.items()}


def _one_line(value: str) -> str:
    if any(c in value for c in "\r\n\0"):
        raise S3Error("InvalidArgument", "A header has one line.")
    return value


def _latin(value: str) -> str:
    # Header values of clients in UTF-8 come in, and go out, byte for byte.
    return value if value.isascii() else quote(value, safe=_READABLE, errors="surrogateescape")
