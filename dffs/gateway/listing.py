"""ListObjects, both versions: pages of keys in the order of their bytes, grouped by a delimiter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from dffs.gateway import metadata
from dffs.gateway.bucket import Bucket, Object, is_private
from dffs.meta.types import Attr, FileKind, MetaError

MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; `after` is a key, or a common prefix of the page before."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    max_keys: int = MAX_KEYS


@dataclass
class Page:
    """One page. `last` is what the next page comes after."""

    objects: list[Object] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""


def page(bucket: Bucket, query: Query) -> Page:
    """The objects and common prefixes that come next."""
    found = Page()
    wanted = min(query.max_keys, MAX_KEYS)
    if not wanted:
        return found
    for key, attr in _candidates(bucket, query):
        group = _group(key, query)
        if group and (group == found.last or group <= query.after):
            continue
        shown = None if group else _object(bucket, key, attr)
        if not group and shown is None:
            continue
        if len(found.objects) + len(found.prefixes) == wanted:
            found.truncated = True
            break
        if shown is None:
            found.prefixes.append(group)
        else:
            found.objects.append(shown)
        found.last = group or key
    return found


def _group(key: str, query: Query) -> str:
    """The common prefix that a key is shown as, if any."""
    if not query.delimiter:
        return ""
    at = key.find(query.delimiter, len(query.prefix))
    return key[: at + len(query.delimiter)] if at >= 0 else ""


def _candidates(bucket: Bucket, query: Query) -> Iterator[tuple[str, Attr]]:
    """Keys with the prefix after the marker; with `/` as delimiter one directory is read only."""
    folder, _, rest = query.prefix.rpartition("/")
    folder = f"{folder}/" if folder or query.prefix.startswith("/") else ""
    parent = bucket.tree.find(folder) if "//" not in query.prefix else None
    if parent is None or parent.kind is not FileKind.DIRECTORY:
        return
    if folder and not rest and folder > query.after:
        yield folder, parent
    start = _start(os.fsencode(folder), os.fsencode(rest), os.fsencode(query.after))
    if start is None:
        return
    flat = query.delimiter == "/"
    for name, attr in bucket.tree.keys(parent.ino, after=start, deep=not flat):
        if not name.startswith(os.fsencode(rest)):
            if name > os.fsencode(rest):
                return
            continue
        key = folder + os.fsdecode(name)
        if key > query.after and not _hidden(key):
            yield key, attr


def _start(folder: bytes, rest: bytes, after: bytes) -> bytes | None:
    """From where a directory is read, relative to it; None: all of it comes before the marker."""
    if after.startswith(folder):
        relative = after[len(folder) :]
        if relative > rest:
            return relative
    elif after > folder:
        return None
    if not rest:
        return b""
    # The greatest name that is smaller than all that begin with `rest`, nearly.
    return rest[:-1] + bytes([rest[-1] - 1]) + b"\xff" * 16 if rest[-1] else rest[:-1]


def _hidden(key: str) -> bool:
    names = key.rstrip("/").split("/")
    return is_private(names[0], at_root=True) or is_private(names[-1])


def _object(bucket: Bucket, key: str, attr: Attr) -> Object | None:
    """An entry as an object; None for what is none: plain directories, devices, dead links."""
    meta = bucket.tree.meta
    if attr.kind is FileKind.DIRECTORY:
        return bucket.listed(key, attr) if metadata.is_marked(meta, attr) else None
    if attr.kind is FileKind.SYMLINK:
        try:
            attr = bucket.tree.stat(key)
        except MetaError:
            return None
    return bucket.listed(key, attr) if attr.kind is FileKind.FILE else None
