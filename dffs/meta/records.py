"""The records of a volume as bytes: inodes, entries, block rows, references, trash, quotas,
changes, settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from struct import Struct
from typing import Final

from dffs.meta.types import (
    HOLE,
    HOLE_BLOCK,
    Attr,
    Block,
    Change,
    Entry,
    FileKind,
    InodeFlag,
    SessionInfo,
    Settings,
    TrashItem,
)

BLOCKS_PER_ROW: Final = 16

_NODE = Struct(">BBHIIIQIqqqQQ")
_ENTRY = Struct(">QB")
_BLOCK = Struct(">32sII")
_REFERENCE = Struct(">QIBq")
_TRASH = Struct(">QBIQ")
_QUOTA = Struct(">QQ")
_CHANGE = Struct(">qQQQQHH")

KINDS: Final = {kind.value: kind for kind in FileKind}
_FLAGS: Final = [InodeFlag(value) for value in range(64)]
_HOLE_ROW: Final = _BLOCK.pack(HOLE, 0, 0)


class Node:
    """An inode's record while a transaction works on it; `Attr` is what callers see of it."""

    __slots__ = (
        "atime_ns",
        "content",
        "ctime_ns",
        "flags",
        "gid",
        "ino",
        "kind",
        "mode",
        "mtime_ns",
        "nlink",
        "parent",
        "rdev",
        "size",
        "uid",
        "version",
    )

    def __init__(
        self,
        ino: int,
        kind: int,
        flags: int,
        mode: int,
        uid: int,
        gid: int,
        nlink: int,
        size: int,
        rdev: int,
        atime_ns: int,
        mtime_ns: int,
        ctime_ns: int,
        parent: int,
        version: int = 0,
        content: bytes = b"",
    ) -> None:
        self.ino = ino
        self.kind = kind
        self.flags = flags
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.nlink = nlink
        self.size = size
        self.rdev = rdev
        self.atime_ns = atime_ns
        self.mtime_ns = mtime_ns
        self.ctime_ns = ctime_ns
        self.parent = parent
        self.version = version
        self.content = content

    @classmethod
    def unpack(cls, ino: int, raw: bytes) -> Node:
        """From the record."""
        node = cls(ino, *_NODE.unpack_from(raw))
        node.content = raw[_NODE.size :]
        return node

    def pack(self) -> bytes:
        """As record."""
        return (
            _NODE.pack(
                self.kind,
                self.flags,
                self.mode,
                self.uid,
                self.gid,
                self.nlink,
                self.size,
                self.rdev,
                self.atime_ns,
                self.mtime_ns,
                self.ctime_ns,
                self.parent,
                self.version,
            )
            + self.content
        )

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.kind == FileKind.DIRECTORY

    def attr(self) -> Attr:
        """What callers see."""
        return Attr(
            self.ino,
            KINDS[self.kind],
            self.mode,
            self.uid,
            self.gid,
            self.nlink,
            self.size,
            self.rdev,
            self.atime_ns,
            self.mtime_ns,
            self.ctime_ns,
            self.parent,
            self.version,
            f"sha256:{self.content.hex()}" if self.content else "",
            _FLAGS[self.flags],
        )


def unpack_attr(ino: int, raw: bytes) -> Attr:
    """An inode's record as callers see it."""
    kind, flags, mode, uid, gid, nlink, size, rdev, atime, mtime, ctime, parent, version = (
        _NODE.unpack_from(raw)
    )
    content = f"sha256:{raw[_NODE.size :].hex()}" if len(raw) > _NODE.size else ""
    return Attr(
        *(ino, KINDS[kind], mode, uid, gid, nlink, size, rdev, atime, mtime, ctime, parent),
        version,
        content,
        _FLAGS[flags],
    )


def unpack_entries(
    rows: Iterable[tuple[bytes, bytes, bytes | None]], prefix_bytes: int
) -> list[Entry]:
    """The entries of a directory: of each its key, which has the name after a prefix, its record, and
    its inode's. A listing is as fast as this: it does in one place what the functions beside it do."""
    entry_of, node_of, whole = _ENTRY.unpack, _NODE.unpack_from, _NODE.size
    kinds, flags_of, made = KINDS, _FLAGS, Entry._make
    found = []
    for key, value, raw in rows:
        ino, named = entry_of(value)
        if raw is None:
            found.append(made((key[prefix_bytes:], ino, kinds[named], None)))
            continue
        kind, flags, mode, uid, gid, nlink, size, rdev, atime, mtime, ctime, parent, version = (
            node_of(raw)
        )
        attr = Attr(
            *(ino, kinds[kind], mode, uid, gid, nlink, size, rdev, atime, mtime, ctime, parent),
            version,
            f"sha256:{raw[whole:].hex()}" if len(raw) > whole else "",
            flags_of[flags],
        )
        found.append(made((key[prefix_bytes:], ino, kinds[named], attr)))
    return found


def pack_entry(ino: int, kind: int) -> bytes:
    """A directory entry."""
    return _ENTRY.pack(ino, kind)


def unpack_entry(raw: bytes) -> tuple[int, int]:
    """(inode, kind) of a directory entry."""
    ino, kind = _ENTRY.unpack(raw)
    return ino, kind


def pack_row(blocks: list[Block]) -> bytes:
    """A row of blocks; holes at its end are not stored, an empty row is b""."""
    raw = b"".join(_BLOCK.pack(*block) for block in blocks)
    while raw.endswith(_HOLE_ROW):
        raw = raw[: -_BLOCK.size]
    return raw


def unpack_row(raw: bytes | None) -> list[Block]:
    """The 16 blocks of a row."""
    blocks = [Block._make(fields_) for fields_ in _BLOCK.iter_unpack(raw or b"")]
    return blocks + [HOLE_BLOCK] * (BLOCKS_PER_ROW - len(blocks))


class Reference:
    """How a block is used: `count` rows; `state` as below; `since_ns` its place among the
    unreferenced.
    """

    RESERVED = 0  # a writer is about to store it
    STORED = 1
    DYING = 2  # its object is being deleted

    __slots__ = ("count", "since_ns", "state", "stored_bytes")

    def __init__(self, count: int, stored_bytes: int, state: int, since_ns: int) -> None:
        self.count = count
        self.stored_bytes = stored_bytes
        self.state = state
        self.since_ns = since_ns

    @classmethod
    def unpack(cls, raw: bytes) -> Reference:
        """From the record."""
        return cls(*_REFERENCE.unpack(raw))

    def pack(self) -> bytes:
        """As record."""
        return _REFERENCE.pack(self.count, self.stored_bytes, self.state, self.since_ns)


def pack_trash(item: TrashItem) -> bytes:
    """An item of the trash."""
    return _TRASH.pack(item.parent, item.kind, item.uid, item.size_bytes) + item.name


def unpack_trash(key: bytes, raw: bytes) -> TrashItem:
    """An item of the trash from its key and record."""
    parent, kind, uid, size_bytes = _TRASH.unpack_from(raw)
    removed_ns, ino = int.from_bytes(key[1:9], "big"), int.from_bytes(key[9:17], "big")
    return TrashItem(ino, removed_ns, parent, raw[_TRASH.size :], KINDS[kind], uid, size_bytes)


def pack_quota(max_bytes: int, max_inodes: int) -> bytes:
    """A limit."""
    return _QUOTA.pack(max_bytes, max_inodes)


def unpack_quota(raw: bytes) -> tuple[int, int]:
    """(bytes, inodes) of a limit; 0 for none."""
    max_bytes, max_inodes = _QUOTA.unpack(raw)
    return max_bytes, max_inodes


def pack_change(
    time_ns: int,
    kind: str,
    ino: int,
    parent: int,
    name: bytes,
    new_parent: int,
    new_name: bytes,
    sid: int,
) -> bytes:
    """An entry of the change feed; its number is in the key."""
    head = _CHANGE.pack(time_ns, ino, parent, new_parent, sid, len(kind), len(name))
    return head + kind.encode() + name + new_name


def unpack_change(key: bytes, raw: bytes) -> Change:
    """An entry of the change feed."""
    time_ns, ino, parent, new_parent, sid, kind_length, name_length = _CHANGE.unpack_from(raw)
    names = raw[_CHANGE.size :]
    kind, names = names[:kind_length].decode(), names[kind_length:]
    seq = int.from_bytes(key[1:9], "big")
    name, new_name = names[:name_length], names[name_length:]
    return Change(seq, time_ns, kind, ino, parent, name, new_parent, new_name, sid)


def pack_settings(settings: Settings) -> bytes:
    """The volume's settings."""
    return json.dumps(asdict(settings), separators=(",", ":")).encode()


def unpack_settings(raw: bytes) -> Settings:
    """The volume's settings; what a newer version added is ignored."""
    known = {field.name for field in fields(Settings)}
    return Settings(**{key: value for key, value in json.loads(raw).items() if key in known})


def pack_session(info: SessionInfo) -> bytes:
    """A session."""
    return json.dumps(asdict(info), separators=(",", ":")).encode()


def unpack_session(raw: bytes) -> SessionInfo:
    """A session."""
    return SessionInfo(**json.loads(raw))
