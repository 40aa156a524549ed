"""What S3 keeps of an object beside its bytes, and where a volume keeps it: extended attributes.

`user.s3.etag` is true for one version of the content only, so a file that was changed through a mount
gets another ETag by itself. `user.s3.headers` and `user.s3.tags` are JSON.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from dffs.gateway.errors import S3Error
from dffs.meta.api import MetaApi
from dffs.meta.types import ROOT_CALLER, Attr, InodeFlag, MetaError

ETAG = b"user.s3.etag"
HEADERS = b"user.s3.headers"
TAGS = b"user.s3.tags"
MARKER = b"user.s3.directory"
USER_PREFIX = "x-amz-meta-"
_MAX_USER_BYTES = 2048
_KEPT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
DEFAULT_TYPE = "binary/octet-stream"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an upload says about its object."""

    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def of_request(headers: Mapping[str, str], *, tags: Mapping[str, str] | None = None) -> Kept:
    """The headers of an upload that are given back with the object. Names in lower case."""
    kept = {name: value for name, value in headers.items() if name in _KEPT}
    if "content-encoding" in kept:
        # aws-chunked is how the body travelled, not what the object is.
        coding = [part.strip() for part in kept["content-encoding"].split(",")]
        kept["content-encoding"] = ",".join(part for part in coding if part != "aws-chunked")
        if not kept["content-encoding"]:
            del kept["content-encoding"]
    own = {name: value for name, value in headers.items() if name.startswith(USER_PREFIX)}
    if sum(len(name) + len(value) for name, value in own.items()) > _MAX_USER_BYTES:
        raise S3Error("InvalidRequest", "The user metadata is longer than 2 KiB.")
    return Kept({**kept, **own}, dict(tags or {}))


def save(meta: MetaApi, attr: Attr, kept: Kept, etag: str) -> None:
    """Write all of it to an inode."""
    _set(meta, attr.ino, ETAG, f"{attr.version} {etag}".encode())
    copied = bool(attr.flags & InodeFlag.XATTRS)  # a new file has nothing that must go
    if kept.headers:
        _set(meta, attr.ino, HEADERS, json.dumps(kept.headers).encode())
    elif copied:
        drop(meta, attr.ino, HEADERS)
    if kept.tags or copied:
        save_tags(meta, attr.ino, kept.tags)


def save_tags(meta: MetaApi, ino: int, tags: Mapping[str, str]) -> None:
    """Write the tags, or remove them if there are none."""
    if tags:
        _set(meta, ino, TAGS, json.dumps(dict(tags)).encode())
    else:
        drop(meta, ino, TAGS)


def load(meta: MetaApi, attr: Attr) -> Kept:
    """Read headers and tags of an inode."""
    headers = _get(meta, attr, HEADERS)
    tags = _get(meta, attr, TAGS)
    return Kept(
        dict(json.loads(headers)) if headers else {},
        dict(json.loads(tags)) if tags else {},
    )


def etag_of(meta: MetaApi, attr: Attr) -> str:
    """The ETag without quotes; one that is no MD5 (`…-1`) where the file did not come through S3."""
    held = _get(meta, attr, ETAG)
    if held:
        version, _, etag = held.decode().partition(" ")
        if version == str(attr.version):
            return etag
    told = attr.content or f"{attr.ino}.{attr.version}.{attr.size_bytes}.{attr.mtime_ns}"
    return hashlib.sha256(told.encode()).hexdigest()[:32] + "-1"


def _set(meta: MetaApi, ino: int, name: bytes, value: bytes) -> None:
    meta.setxattr(ROOT_CALLER, ino, name, value)


def _get(meta: MetaApi, attr: Attr, name: bytes) -> bytes:
    if not attr.flags & InodeFlag.XATTRS:
        return b""
    try:
        return meta.getxattr(ROOT_CALLER, attr.ino, name)
    except MetaError as error:
        if error.errno == errno.ENODATA:
            return b""
        raise


def drop(meta: MetaApi, ino: int, name: bytes) -> None:
    """Remove an attribute that may not be there."""
    try:
        meta.removexattr(ROOT_CALLER, ino, name)
    except MetaError as error:
        if error.errno != errno.ENODATA:
            raise


def mark_directory(meta: MetaApi, ino: int) -> None:
    """Note that a client made this directory as an object: it stays when it becomes empty."""
    _set(meta, ino, MARKER, b"1")


def is_marked(meta: MetaApi, attr: Attr) -> bool:
    """Whether a directory is an object of its own."""
    return bool(_get(meta, attr, MARKER))
