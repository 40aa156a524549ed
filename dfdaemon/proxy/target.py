"""What a request line asks for: the three forms of RFC 9112, section 3.2. Pure.

Called by the server, which knows whether the connection was intercepted and where we listen.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dfcore.errors import BadInput


class Form(enum.Enum):
    """How the client addresses its request."""

    ABSOLUTE = "absolute"  # to a proxy: the URL names the origin
    ORIGIN = "origin"  # to us as a server: a mirror
    CONNECT = "connect"  # asks for a tunnel
    INTERCEPTED = "intercepted"  # to an origin, inside a tunnel that we opened


@dataclass(frozen=True, slots=True)
class Target:
    """``authority`` is the host (and port) that the client means, ``path`` includes the query."""

    form: Form
    scheme: str
    authority: str
    path: str = field(repr=False)

    @property
    def url(self) -> str:
        """The absolute URL."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_target(
    method: str, line: str, host: str, own: Collection[str], tunnel: str | None = None
) -> Target:
    """Parse the target of a request line.

    ``host`` is the Host header, ``own`` our own authorities, ``tunnel`` the authority of the tunnel
    that the request came through. A proxied request to ourselves is one to us as a server: clients
    do not exempt loopback from their proxy by default.
    """
    if method == "CONNECT":
        return Target(Form.CONNECT, "https", parse_authority(line, 443), "")
    if tunnel is not None:
        return Target(Form.INTERCEPTED, "https", tunnel, _path_of(line))
    if line.startswith("/"):
        return Target(Form.ORIGIN, "http", host, line)
    if line == "*":
        return Target(Form.ORIGIN, "http", host, "/")
    parts = urlsplit(line)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadInput("the request names neither a path nor an http:// or https:// URL")
    authority = parts.netloc.rpartition("@")[2].lower()
    path = _path_of(line)
    if parts.scheme == "http" and authority in own:
        return Target(Form.ORIGIN, "http", authority, path)
    return Target(Form.ABSOLUTE, parts.scheme, authority, path)


def parse_authority(text: str, default_port: int) -> str:
    """``host:port`` in lower case without a usual port; BadInput if it is not one."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port:
        host, port = text, str(default_port)
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host or "@" in host:
        raise BadInput(f"{text[:100]!r} is not host:port")
    return host.lower() if int(port) == default_port else f"{host.lower()}:{port}"


def split_authority(authority: str, default_port: int) -> tuple[str, int]:
    """Host, without the brackets of IPv6, and port."""
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        return authority.strip("[]"), default_port
    return host.strip("[]"), int(port)


def _path_of(line: str) -> str:
    """Path and query of a path or URL, as they are escaped; no fragment."""
    rest = line.partition("#")[0]
    if not rest.startswith("/"):
        rest = re.sub(r"^[^:/?]*://[^/?]*", "", rest)
    return rest if rest.startswith("/") else f"/{rest}"
