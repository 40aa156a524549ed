"""Edits the Hub's answers so that a client stays with this node. Pure; called by the mirror.

Xet hints go (whole files travel by SHA-256 through the swarm), links and redirects to the endpoint
lead to the authority the client asked. The signed links of a Git LFS batch become ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from dfdaemon.hub.routes import Repo

_LINK = re.compile(r'<([^>]*)>[^,]*?;\s*rel=("[^"]*"|[^\s;,]+)')
_XET_RELATIONS = ("xet-auth", "xet-reconstruction-info")
_XET_HEADERS = ("x-xet-hash", "x-xet-refresh-route")


def to_authority(value: str, endpoint: str, authority: str) -> str:
    """Make every URL of the endpoint in a header one of the authority (``http://host:port``)."""
    return value if not authority else value.replace(f"{endpoint}/", f"{authority}/")


def rewrite_headers(
    pairs: Iterable[tuple[str, str]], endpoint: str, authority: str
) -> list[tuple[str, str]]:
    """``Location`` and ``Link`` lead back to us; Xet's headers and links are taken out."""
    kept: list[tuple[str, str]] = []
    for name, value in pairs:
        low = name.lower()
        if low == "location":
            kept.append((name, to_authority(value, endpoint, authority)))
        elif low == "link":
            links = to_authority(_without_xet_links(value), endpoint, authority)
            kept += [(name, links)] if links else []
        elif low not in _XET_HEADERS:
            kept.append((name, value))
    return kept


def strip_xet(body: bytes, keep_above_bytes: int | None = None) -> bytes:
    """A JSON answer without ``xetHash``, but for files of at least ``keep_above_bytes``."""
    if b'"xetHash"' not in body:
        return body
    try:
        document = json.loads(body)
    except ValueError:
        return body
    _strip(document, keep_above_bytes)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def map_lfs_batch(
    body: bytes, repo: Repo, authority: str, authorization: str | None = None
) -> tuple[bytes, list[tuple[str, int, str]]]:
    """The batch with download links that lead to us, and (oid, size, the origin's link) of each.

    Without an authority the links stay as they are, as do those that need headers of their own.
    git-lfs sends no credentials to a link by itself, and asks for ever if it is told 401: so the
    requester gets back, for its use with our links, what it has sent for the batch.
    """
    try:
        document = json.loads(body)
    except ValueError:
        return body, []
    links: list[tuple[str, int, str]] = []
    for entry in document.get("objects", ()) if isinstance(document, dict) else ():
        download = (entry.get("actions") or {}).get("download") or {}
        oid, href = entry.get("oid"), download.get("href")
        if not isinstance(oid, str) or not isinstance(href, str):
            continue
        links.append((oid, int(entry.get("size", 0)), href))
        if authority and not download.get("header"):
            path = f"{repo.prefix}{repo.id}.git/info/lfs/objects/{oid}"
            download["href"] = f"{authority}/{path}?size={links[-1][1]}"
            if authorization is not None:
                download["header"] = {"Authorization": authorization}
                entry["authenticated"] = True
    return (json.dumps(document).encode() if authority else body), links


def next_link(pairs: Iterable[tuple[str, str]]) -> str | None:
    """The URL of the next page in a ``Link`` header (RFC 8288), None on the last page."""
    for name, value in pairs:
        if name.lower() == "link":
            for link in _LINK.finditer(value):
                if link[2].strip('"').lower() == "next":
                    return link[1]
    return None


def _without_xet_links(value: str) -> str:
    links = [link.strip() for link in value.split(",")]
    return ", ".join(
        link for link in links if link and not any(f'"{name}"' in link for name in _XET_RELATIONS)
    )


def _strip(node: Any, keep_above_bytes: int | None) -> None:
    if isinstance(node, list):
        for item in node:
            _strip(item, keep_above_bytes)
    elif isinstance(node, dict):
        size = node.get("size")
        kept = keep_above_bytes is not None and isinstance(size, int) and size >= keep_above_bytes
        if not kept:
            node.pop("xetHash", None)
        _strip(node.get("siblings"), keep_above_bytes)
