"""Hosts as they are written: an address with its port, and the patterns that names are matched with."""

from __future__ import annotations

import fnmatch


def host_port(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_one_of(authority: str, patterns: tuple[str, ...]) -> bool:
    """The authority (or its host without the port) matches one of the names, ``*`` included."""
    host = authority.rpartition("@")[2]
    bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return any(
        fnmatch.fnmatchcase(name, pattern.lower()) for pattern in patterns for name in (host, bare)
    )
