"""The keys of a volume's records. Numbers are big-endian, so that the order of keys is theirs.

    M  settings             F  format record         N  next inode number      S sid   session
    i  ino                  inode                    d  parent, name           entry
    b  ino, row             16 blocks                s  ino                    symlink target
    x  ino, name            extended attribute       p  ino, parent            names of a linked
    file there r  digest               references of a block    z  time, digest
    unreferenced block h  digest, ino          whole content            O  ino
    inode without a name o  ino, sid             … that a session has open l  ino
    flocks                   k  ino                    record locks L  sid, ino             a
    session's locked file  c  seq                    change t  time, ino            trash
    T  ino                    its time in the trash q  kind, key            quota
    C  ino                    unfinished clone

Counters: Ub and Ui (bytes and inodes of the volume), Q kind key b/i (use of a quota).
"""

from __future__ import annotations

from struct import Struct

SETTINGS = b"M"
FORMAT = b"F"
NEXT_INO = b"N"
NEXT_SID = b"n"
USED_BYTES = b"Ub"
USED_INODES = b"Ui"
ENTRY = b"d"
INODE = b"i"
CHANGE = b"c"
ORPHAN = b"O"
SESSION = b"S"
TRASH = b"t"
QUOTA = b"q"
REFERENCE = b"r"
UNREFERENCED = b"z"
CLONE = b"C"
HOUSEKEEPER = b"W"

FIRST = b"\x00"
LAST = b"\xff\xff"

_ONE = Struct(">sQ").pack
_TWO = Struct(">sQQ").pack
_ROW = Struct(">sQI").pack


def inode(ino: int) -> bytes:
    """An inode's record."""
    return _ONE(b"i", ino)


def entry(parent: int, name: bytes) -> bytes:
    """A name in a directory."""
    return _ONE(b"d", parent) + name


def row(ino: int, index: int) -> bytes:
    """A row of 16 blocks."""
    return _ROW(b"b", ino, index)


def symlink(ino: int) -> bytes:
    """A symlink's target."""
    return _ONE(b"s", ino)


def xattr(ino: int, name: bytes) -> bytes:
    """An extended attribute."""
    return _ONE(b"x", ino) + name


def links(ino: int, parent: int) -> bytes:
    """How many names a file of several names has in one directory."""
    return _TWO(b"p", ino, parent)


def reference(digest: bytes) -> bytes:
    """How often a block is used."""
    return b"r" + digest


def unreferenced(time_ns: int, digest: bytes) -> bytes:
    """A block that nothing uses, by the time since when."""
    return _ONE(b"z", time_ns) + digest


def content(digest: bytes, ino: int) -> bytes:
    """A file by the digest of its whole content."""
    return b"h" + digest + ino.to_bytes(8, "big")


def orphan(ino: int) -> bytes:
    """An inode that has no name any more."""
    return _ONE(b"O", ino)


def held(ino: int, sid: int) -> bytes:
    """A nameless inode that a session has open."""
    return _TWO(b"o", ino, sid)


def flocks(ino: int) -> bytes:
    """The BSD locks of a file."""
    return _ONE(b"l", ino)


def record_locks(ino: int) -> bytes:
    """The record locks of a file."""
    return _ONE(b"k", ino)


def locked(sid: int, ino: int) -> bytes:
    """A file on which a session has or had locks."""
    return _TWO(b"L", sid, ino)


def session(sid: int) -> bytes:
    """A session."""
    return _ONE(b"S", sid)


def trash(time_ns: int, ino: int) -> bytes:
    """Something in the trash, by time."""
    return _TWO(b"t", time_ns, ino)


def trashed(ino: int) -> bytes:
    """When an inode went to the trash."""
    return _ONE(b"T", ino)


def quota(kind: int, key: int) -> bytes:
    """A limit."""
    return b"q" + bytes((kind,)) + key.to_bytes(8, "big")


def quota_use(kind: int, key: int, what: bytes) -> bytes:
    """The counter of a quota's bytes (`b`) or inodes (`i`)."""
    return b"Q" + bytes((kind,)) + key.to_bytes(8, "big") + what


def clone(ino: int) -> bytes:
    """The top of a clone that is not finished."""
    return _ONE(b"C", ino)


def change(seq: int) -> bytes:
    """An entry of the change feed."""
    return _ONE(b"c", seq)


def after(prefix: bytes) -> bytes:
    """The first key behind all that start with `prefix`."""
    return prefix[:-1] + bytes((prefix[-1] + 1,)) if prefix[-1] < 255 else after(prefix[:-1])


def number(key: bytes, at: int = 1) -> int:
    """The 8-byte number at a place in a key."""
    return int.from_bytes(key[at : at + 8], "big")
