"""What an origin's answer means, and what a request to it must (not) carry: pure.

``exchange`` feeds it status and headers. HTTP semantics are those of RFC 9110.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from dfcore.backoff import parse_retry_after
from dfcore.errors import (
    BadInput,
    ContentChanged,
    MeganeuraError,
    OriginBroken,
    OriginRefused,
    RangeIgnored,
    Unavailable,
)
from dfcore.ranges import ByteRange, parse_content_range

# A range that ends here is sent as one without an end.
OPEN_END = 1 << 62

# What concerns one connection or one representation, and is decided here anew.
_NOT_SENT = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CREDENTIALS = frozenset({"authorization", "cookie"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({408, 425, 429})
# What storage answers to a signature that has expired or is not for it.
_SIGNATURE_REFUSED = frozenset({400, 401, 403, 404, 410})


class HeaderMap(Mapping[str, str]):
    """Response headers: names in any case, repeated ones joined, order and spelling kept."""

    def __init__(self, items: list[tuple[str, str]]) -> None:
        self._spelling: dict[str, str] = {}
        self._values: dict[str, str] = {}
        for name, value in items:
            key = name.lower()
            self._spelling.setdefault(key, name)
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spelling.values())

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"HeaderMap({', '.join(self)})"


@dataclass(frozen=True, slots=True)
class Content:
    """What a usable answer says about the blob and the part of it that follows."""

    size_bytes: int | None
    range: ByteRange | None
    validator: str | None
    accepts_ranges: bool


def request_headers(given: Mapping[str, str], wanted: ByteRange | None) -> dict[str, str]:
    """The headers to send. Bytes are asked for as they are, never encoded."""
    headers = {name: value for name, value in given.items() if name.lower() not in _NOT_SENT}
    headers["Accept-Encoding"] = "identity"
    if wanted is not None:
        last = "" if wanted.end >= OPEN_END else str(wanted.end - 1)
        headers["Range"] = f"bytes={wanted.start}-{last}"
    return headers


def without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers for a host that the requester did not choose."""
    return {name: value for name, value in headers.items() if name.lower() not in _CREDENTIALS}


def credentials(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers that say who asks."""
    found = ((name.lower(), value) for name, value in headers.items())
    return tuple(sorted(pair for pair in found if pair[0] in _CREDENTIALS))


def split_url(url: str) -> SplitResult:
    """An HTTP URL in parts; BadInput, without its query, if it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"{url.partition('?')[0]!r} is not the URL of an HTTP origin")
    return parts


def same_place(one: SplitResult, other: SplitResult) -> bool:
    """Credentials for ``one`` may go to ``other``: the same host and port, or its TLS port."""
    if one.hostname != other.hostname:
        return False
    ports = (_port(one), _port(other))
    return (one.scheme == other.scheme and ports[0] == ports[1]) or (
        (one.scheme, other.scheme) == ("http", "https") and ports == (80, 443)
    )


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def redirect_target(url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Where the answer sends us, None if it is no redirect. OriginBroken if it leads nowhere."""
    if status not in _REDIRECTS:
        return None
    location = headers.get("location")
    if not location:
        raise OriginBroken(f"the origin answered {status} without a Location")
    target = urljoin(url, location).partition("#")[0]
    try:
        parts = split_url(target)
    except BadInput as error:
        raise OriginBroken(f"the origin redirects to nowhere: {error}") from error
    if url.startswith("https:") and parts.scheme != "https":
        raise OriginBroken(f"the origin redirects out of TLS, to {parts.hostname}")
    return target


def signature_refused(status: int) -> bool:
    """A signed target may answer so because its signature is no longer good."""
    return status in _SIGNATURE_REFUSED


def is_empty_blob(status: int, headers: Mapping[str, str], wanted: ByteRange | None) -> bool:
    """A range from the start of an empty blob cannot be satisfied, and is no error."""
    if status != 416 or wanted is None or wanted.start:
        return False
    try:
        return parse_content_range(headers.get("content-range", "")) == (None, 0)
    except BadInput:
        return False


def failure(
    status: int, headers: Mapping[str, str], body: bytes, now_unix_s: float
) -> MeganeuraError | None:
    """The error that an answer's status stands for, None if its body may be used."""
    if status in (200, 206):
        return None
    if status >= 500 or status in _TRY_LATER:
        asked_for = headers.get("retry-after")
        wait_s = parse_retry_after(asked_for, now_unix_s) if asked_for else None
        return Unavailable(f"the origin answered {status}", retry_after_s=wait_s)
    if status >= 400:
        return OriginRefused(status, headers, body)
    return OriginBroken(f"the origin answered {status}, which makes no sense here")


def content(
    status: int,
    headers: Mapping[str, str],
    wanted: ByteRange | None,
    *,
    validator: str | None,
    size_bytes: int | None,
) -> Content:
    """What a 200 or 206 carries, checked against what was asked for and is known.

    ``validator`` and ``size_bytes`` are what the blob had before, None if nobody knows.
    """
    found = _partial(headers, wanted) if status == 206 else _whole(headers, wanted)
    if size_bytes is not None and found.size_bytes not in (None, size_bytes):
        raise ContentChanged(f"the blob had {size_bytes} bytes and has {found.size_bytes} now")
    if validator and found.validator and _opaque(found.validator) != _opaque(validator):
        raise ContentChanged("the origin's validator (ETag or Last-Modified) has changed")
    return found


def _partial(headers: Mapping[str, str], wanted: ByteRange | None) -> Content:
    if wanted is None:
        raise OriginBroken("the origin sent a part, and the whole was asked for")
    try:
        part, size = parse_content_range(headers.get("content-range", ""))
    except BadInput as error:
        raise OriginBroken(f"the origin sent a part of it knows not what: {error}") from error
    if part is None or part.start != wanted.start or part.end > wanted.end:
        raise OriginBroken(f"the origin sent {part}, and {wanted} was asked for")
    length = _length(headers)
    if length is not None and length != part.size:
        raise OriginBroken(f"the origin sent {length} bytes as {part}")
    return Content(size, part, _validator(headers), accepts_ranges=True)


def _whole(headers: Mapping[str, str], wanted: ByteRange | None) -> Content:
    if wanted is not None and wanted.start:
        raise RangeIgnored("the origin sent the whole, and a part was asked for")
    size = _length(headers)
    return Content(
        size,
        ByteRange(0, size) if size is not None else None,
        _validator(headers),
        accepts_ranges=wanted is None and headers.get("accept-ranges", "").lower() == "bytes",
    )


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    # A transfer coding overrides a length (RFC 9112, 6.3).
    if "transfer-encoding" in headers or not text.isdecimal() or len(text) > 19:
        return None
    return int(text)


def _validator(headers: Mapping[str, str]) -> str | None:
    return headers.get("etag") or headers.get("last-modified") or None


def _opaque(validator: str) -> str:
    return validator.removeprefix("W/")
