"""Canonical URLs: the normal form in which task ids hash a URL, and the filter of its query.

The form is the one the WHATWG URL standard prints (Dragonfly's client hashes what Rust's `url`
crate prints), for what occurs in practice: case of scheme and host, default ports, dot segments,
characters that need escaping. Numeric oddities of IPv4 hosts are left as they are. Used by `ids`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, urlsplit

from dfcore.errors import BadInput

_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_SAFE_IN_PATH = "".join(c for c in _PRINTABLE if c not in '"#<>?`{}')
# What two URL parsers would read differently (a backslash) must not choose an origin.
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f%<>\\^|]")
_SAFE_IN_FRAGMENT = "".join(c for c in _PRINTABLE if c not in '"<>`')


def filter_url(url: str, params: Collection[str]) -> str:
    """`url` without the query parameters named in `params`, in the form task ids hash.

    Dragonfly's rule since dragonflyoss/client pull request 2014, equal to its Go scheduler's: with
    nothing to filter the URL stays as it is; otherwise the remaining parameters are sorted by name
    (values of one name keep their order) and escaped anew, and the lone `/` of an empty path goes.
    """
    if not params:
        return url
    parts = _normalize(url)
    dropped = set(params)
    # Go refuses a segment that holds a semicolon, and Dragonfly follows it.
    segments = [part for part in parts.query.split("&") if ";" not in part]
    pairs = parse_qsl("&".join(segments), keep_blank_values=True)
    kept = sorted((pair for pair in pairs if pair[0] not in dropped), key=lambda pair: pair[0])
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in kept)
    text = parts._replace(query=query).geturl()
    return text.rstrip("/") if parts.path == "/" and text.endswith("/") else text


def _normalize(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"not a URL ({error}): {_shown(url)}") from None
    if not parts.scheme or not parts.netloc:
        raise BadInput(f"not an absolute URL: {_shown(url)}")
    special = parts.scheme in _DEFAULT_PORTS
    userinfo, at, _ = parts.netloc.rpartition("@")
    netloc = userinfo + at + (_host(parts.hostname or "") if special else _raw_host(parts.netloc))
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        netloc += f":{port}"
    path = parts.path.replace("\\", "/") if special else parts.path
    return parts._replace(
        netloc=netloc,
        path=_without_dot_segments(quote(path, safe=_SAFE_IN_PATH)) or ("/" if special else ""),
        fragment=quote(parts.fragment, safe=_SAFE_IN_FRAGMENT),
    )


def _host(host: str) -> str:
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise BadInput(f"{host[:100]!r} is not an IPv6 address") from None
    try:
        name = host.lower() if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not name or _NOT_IN_HOST.search(name):
        raise BadInput(f"{host[:100]!r} is not a host name")
    return name


def _raw_host(netloc: str) -> str:
    """Host of a scheme without known rules (`hf`, `s3`): its case may matter."""
    host = netloc.rpartition("@")[2]
    return host if host.endswith("]") else host.partition(":")[0]


def _without_dot_segments(path: str) -> str:
    segments = path.split("/")
    kept: list[str] = []
    for position, segment in enumerate(segments):
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            if len(kept) > 1:  # the first is the empty one before the leading slash
                kept.pop()
        elif plain != ".":
            kept.append(segment)
            continue
        if position == len(segments) - 1:
            kept.append("")  # `a/..` names a folder: the slash stays
    return "/".join(kept)


def _shown(url: str) -> str:
    """What an error may show of a URL: no query, no user, no fragment (they may be secret)."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = bare.partition("://")
    return repr((scheme + separator + rest.rpartition("@")[2])[:200])
