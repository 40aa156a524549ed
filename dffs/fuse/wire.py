"""Structures and numbers of the FUSE protocol, as the kernel lays them out in memory.

Every struct of the hot path is compiled once; replies that the kernel keeps (attributes,
entries) are packed by one call. Used by `dispatch`, and by file systems to make their replies.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import NewType, Protocol

ROOT_NODE = 1
KERNEL_MAJOR = 7
KERNEL_MINOR = 45
# What a reader thread's buffer must hold beside the data of a WRITE.
HEADER_ROOM = 4096

# Replies, ready for the kernel.
AttrOut = NewType("AttrOut", bytes)
EntryOut = NewType("EntryOut", bytes)
OpenOut = NewType("OpenOut", bytes)

Ttl = tuple[int, int]  # how long the kernel may believe something: seconds, nanoseconds
NO_TTL: Ttl = (0, 0)


class Opcode(IntEnum):
    """What the kernel asks for."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    GETLK = 31
    SETLK = 32
    SETLKW = 33
    ACCESS = 34
    CREATE = 35
    INTERRUPT = 36
    DESTROY = 38
    NOTIFY_REPLY = 41
    BATCH_FORGET = 42
    FALLOCATE = 43
    READDIRPLUS = 44
    RENAME2 = 45
    LSEEK = 46
    COPY_FILE_RANGE = 47
    SYNCFS = 50
    COPY_FILE_RANGE_64 = 53


OPCODES = 64  # one more than the largest opcode that is told apart in tables


class Notify(IntEnum):
    """What the server may tell the kernel unasked."""

    INVAL_INODE = 2
    INVAL_ENTRY = 3


class OpenFlag:
    """How the kernel is to treat an open file (FOPEN_…). Plain ints: this is looked at often."""

    DIRECT_IO = 1 << 0
    KEEP_CACHE = 1 << 1
    NONSEEKABLE = 1 << 2
    CACHE_DIR = 1 << 3
    STREAM = 1 << 4
    NOFLUSH = 1 << 5
    PARALLEL_DIRECT_WRITES = 1 << 6
    PASSTHROUGH = 1 << 7


class SetAttrBit:
    """Which fields of a SETATTR count (FATTR_…)."""

    MODE = 1 << 0
    UID = 1 << 1
    GID = 1 << 2
    SIZE = 1 << 3
    ATIME = 1 << 4
    MTIME = 1 << 5
    HANDLE = 1 << 6
    ATIME_NOW = 1 << 7
    MTIME_NOW = 1 << 8
    LOCK_OWNER = 1 << 9
    CTIME = 1 << 10
    KILL_SUIDGID = 1 << 11


GETATTR_HANDLE = 1
RELEASE_FLOCK_UNLOCK = 1 << 1
LOCK_IS_FLOCK = 1
WRITE_KILL_SUIDGID = 1 << 2
OPEN_KILL_SUIDGID = 1
FSYNC_DATA_ONLY = 1

# Heads of everything.
IN_HEADER = Struct("=IIQQIIIHH")  # len opcode unique nodeid uid gid pid extensions padding
OUT_HEADER = Struct("=IiQ")  # len error unique
IN_HEADER_SIZE = IN_HEADER.size

# Requests, after the head.
U64 = Struct("=Q")
GETATTR_IN = Struct("=IIQ")
SETATTR_IN = Struct("=IIQQQQQQIIIIIIII")
MKNOD_IN = Struct("=IIII")
MKDIR_IN = Struct("=II")
RENAME2_IN = Struct("=QII")
OPEN_IN = Struct("=II")
CREATE_IN = Struct("=IIII")
READ_IN = Struct("=QQIIQII")
WRITE_IN = Struct("=QQIIQII")
RELEASE_IN = Struct("=QIIQ")
FLUSH_IN = Struct("=QIIQ")
FSYNC_IN = Struct("=QII")
SETXATTR_IN = Struct("=II")
SETXATTR_EXT_IN = Struct("=IIII")
GETXATTR_IN = Struct("=II")
LK_IN = Struct("=QQQQIIII")
ACCESS_IN = Struct("=II")
FORGET_ONE = Struct("=QQ")
BATCH_FORGET_IN = Struct("=II")
FALLOCATE_IN = Struct("=QQQII")
LSEEK_IN = Struct("=QQII")
COPY_FILE_RANGE_IN = Struct("=QQQQQQQ")
INIT_IN = Struct("=IIIII")

# Replies, after the head.
# Times before 1970 are what the kernel makes of negative seconds.
_ATTR_FIELDS = "QQQqqqIIIIIIIIII"
ATTR_OUT = Struct("=QII" + _ATTR_FIELDS)
ENTRY_HEAD = Struct("=QQQQII")  # followed by what ATTR_OUT has after its head
OPEN_OUT = Struct("=QIi")
WRITE_OUT = Struct("=II")
STATFS_OUT = Struct("=QQQQQIIII24x")
GETXATTR_OUT = Struct("=II")
LK_OUT = Struct("=QQII")
INIT_OUT = Struct("=IIIIHHIIHHIIH22x")
DIRENT = Struct("=QQII")

# Notifications, after a head whose unique is 0 and whose error is the code.
INVAL_INODE_OUT = Struct("=Qqq")
INVAL_ENTRY_OUT = Struct("=QII")

BLOCK_OF_STAT = 512
# What stat tells programs is a good length of a read: they take it for their buffers.
PREFERRED_IO = 1 << 20

_NS = 1_000_000_000
_pack_attr = ATTR_OUT.pack
_pack_entry_head = ENTRY_HEAD.pack
_ATTR_TTL = Struct("=QI")
_pack_open = OPEN_OUT.pack
_pack_dirent = DIRENT.pack
_pack_row = Struct("=QQQQII" + _ATTR_FIELDS + "QQII").pack


def attr_out(
    ino: int,
    mode: int,
    size_bytes: int,
    times_ns: tuple[int, int, int],
    *,
    nlink: int = 1,
    owner: tuple[int, int] = (0, 0),
    rdev: int = 0,
    ttl: Ttl = NO_TTL,
) -> AttrOut:
    """The reply to GETATTR and SETATTR. `mode` has the file type; times are atime, mtime, ctime."""
    atime, mtime, ctime = times_ns
    return AttrOut(
        _pack_attr(
            ttl[0], ttl[1], 0,
            ino, size_bytes, (size_bytes + 511) // BLOCK_OF_STAT,
            atime // _NS, mtime // _NS, ctime // _NS,
            atime % _NS, mtime % _NS, ctime % _NS,
            mode, nlink, owner[0], owner[1], rdev, PREFERRED_IO, 0,
        )
    )  # fmt: skip


class Attributes(Protocol):
    """An inode as a file system knows it; `kind` is a DT_… number. The fast way to replies."""

    @property
    def ino(self) -> int: ...
    @property
    def kind(self) -> int: ...
    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def nlink(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def rdev(self) -> int: ...
    @property
    def atime_ns(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def ctime_ns(self) -> int: ...


def attr_reply(attr: Attributes, ttl: Ttl) -> AttrOut:
    """As `attr_out`."""
    atime, mtime, ctime = attr.atime_ns, attr.mtime_ns, attr.ctime_ns
    size = attr.size_bytes
    return AttrOut(
        _pack_attr(
            ttl[0], ttl[1], 0,
            attr.ino, size, (size + 511) >> 9,
            atime // _NS, mtime // _NS, ctime // _NS,
            atime % _NS, mtime % _NS, ctime % _NS,
            attr.kind << 12 | attr.mode, attr.nlink, attr.uid, attr.gid, attr.rdev, PREFERRED_IO, 0,
        )
    )  # fmt: skip


def directory_row(
    node: int, attr: Attributes, entry_ttl: Ttl, attr_ttl: Ttl, offset: int, name: bytes
) -> bytes:
    """One row of a READDIRPLUS reply: an entry and a directory entry."""
    atime, mtime, ctime = attr.atime_ns, attr.mtime_ns, attr.ctime_ns
    size, ino, kind, length = attr.size_bytes, attr.ino, attr.kind, len(name)
    return (
        _pack_row(
            node, 0, entry_ttl[0], attr_ttl[0], entry_ttl[1], attr_ttl[1],
            ino, size, (size + 511) >> 9,
            atime // _NS, mtime // _NS, ctime // _NS,
            atime % _NS, mtime % _NS, ctime % _NS,
            kind << 12 | attr.mode, attr.nlink, attr.uid, attr.gid, attr.rdev, PREFERRED_IO, 0,
            ino, offset, length, kind,
        )
        + name
        + _PADDING[length & 7]
    )  # fmt: skip


def entry_out(node: int, attr: AttrOut, ttl: Ttl) -> EntryOut:
    """The reply to LOOKUP and whatever makes a name: `ttl` is that of the name, attr has its own."""
    attr_s, attr_ns = _ATTR_TTL.unpack_from(attr)
    return EntryOut(_pack_entry_head(node, 0, ttl[0], attr_s, ttl[1], attr_ns) + attr[16:])


def negative_entry(ttl: Ttl) -> EntryOut:
    """The reply to LOOKUP that says: there is no such name, and there is none for a while."""
    return EntryOut(_pack_entry_head(0, 0, ttl[0], 0, ttl[1], 0) + bytes(88))


def open_out(handle: int, flags: int = 0, backing_id: int = 0) -> OpenOut:
    """The reply to OPEN and OPENDIR."""
    return OpenOut(_pack_open(handle, flags, backing_id))


def dirent(ino: int, offset: int, name: bytes, kind: int) -> bytes:
    """One row of a READDIR reply; `offset` is where the next row is asked for, `kind` a DT_…."""
    length = len(name)
    return _pack_dirent(ino, offset, length, kind) + name + _PADDING[length & 7]


_PADDING = [bytes(-length % 8) for length in range(8)]


def statfs_out(
    *, blocks: int, free: int, available: int, files: int, files_free: int, block_bytes: int
) -> bytes:
    """The reply to STATFS."""
    return STATFS_OUT.pack(
        blocks, free, available, files, files_free, block_bytes, 255, block_bytes, 0
    )
