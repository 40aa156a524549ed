"""What the callers of a volume's metadata see: attributes, entries, blocks, callers, refusals.

Inode numbers are ints (the root is 1), names are bytes, times are nanoseconds since the epoch. The
operations themselves are listed in `dffs.meta.api`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import NamedTuple

ROOT_INO = 1
TRASH_INO = 2
NAME_BYTES_MAX = 255
SYMLINK_BYTES_MAX = 4095
XATTR_NAME_BYTES_MAX = 255
XATTR_VALUE_BYTES_MAX = 65536
LINKS_MAX = 65000
SUBDIRECTORIES_MAX = 2**31
FILE_BYTES_MAX = 2**53

HOLE = bytes(32)


class MetaError(OSError):
    """An operation that was refused; `errno` says why, in the words of POSIX."""

    def __init__(self, errno: int, message: str | None = None) -> None:
        super().__init__(errno, message or os.strerror(errno))


class ContentMoved(MetaError):  # noqa: N818
    """ESTALE: the content is no longer what the writer built on. Read it again and try again."""


class BlocksMissing(MetaError):  # noqa: N818
    """EAGAIN: blocks named by a write are gone from the store or about to go.

    The writer waits a moment, calls `reserve_blocks` again, uploads what that asks for, and
    repeats.
    """

    def __init__(self, errno: int, digests: tuple[bytes, ...]) -> None:
        super().__init__(errno, f"{len(digests)} blocks have to be uploaded again")
        self.digests = digests


class FileKind(IntEnum):
    """What an inode is; the values are those of `d_type` in a directory entry."""

    FIFO = 1
    CHAR = 2
    DIRECTORY = 4
    BLOCK = 6
    FILE = 8
    SYMLINK = 10
    SOCKET = 12

    @property
    def format_bits(self) -> int:
        """The S_IFMT bits of st_mode."""
        return self.value << 12


class InodeFlag(IntFlag):
    """Marks of an inode beyond POSIX."""

    IMMUTABLE = 1  # neither content, attributes nor entries change: a snapshot
    APPEND_ONLY = 2
    ACL_ACCESS = 4  # an access ACL is stored
    ACL_DEFAULT = 8  # a directory's default ACL is stored
    XATTRS = 16  # there may be extended attributes


NO_FLAGS = InodeFlag(0)


@dataclass(slots=True)
class Attr:
    """The attributes of one inode. Nobody changes one.

    It is not frozen: making a frozen one takes several times as long, and a listing makes thousands.

    `mode` holds the permission bits (07777) only. `parent` is 0 for a file with several names.
    `version` grows by one with each change of content. `content` is "sha256:…" of the whole file
    while it is known and true, else "". A directory's size is the sum of its entries' names,
    roughly.
    """

    ino: int
    kind: FileKind
    mode: int
    uid: int
    gid: int
    nlink: int
    size_bytes: int
    rdev: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    parent: int
    version: int = 0
    content: str = ""
    flags: InodeFlag = NO_FLAGS

    @property
    def st_mode(self) -> int:
        """Kind and permission bits as stat(2) gives them."""
        return self.kind.format_bits | self.mode


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `groups` are the supplementary groups. uid 0 may do everything root may."""

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    pid: int = 0

    def in_group(self, gid: int) -> bool:
        """Whether `gid` is the caller's own group or one of the supplementary ones."""
        return gid == self.gid or gid in self.groups


ROOT_CALLER = Caller(0, 0)


class Entry(NamedTuple):
    """One name in a directory. `attr` is None when it was not asked for."""

    name: bytes
    ino: int
    kind: FileKind
    attr: Attr | None = None


class Block(NamedTuple):
    """One block of a file, as its row tells it.

    The object named by `digest` (sha256 of its plain content) has `stored_bytes` bytes. Only the
    first `length_bytes` of them belong to the file; what follows up to the block's end reads as
    zeros. The two differ after a truncation inside the block, which moves no bytes.
    """

    digest: bytes
    length_bytes: int
    stored_bytes: int

    @classmethod
    def whole(cls, digest: bytes, length_bytes: int) -> Block:
        """A block all of whose stored bytes belong to the file."""
        return cls(digest, length_bytes, length_bytes)

    @property
    def is_hole(self) -> bool:
        """Whether the block reads as zeros and has no object."""
        return self.digest == HOLE


HOLE_BLOCK = Block(HOLE, 0, 0)


class BlockState(IntEnum):
    """What a writer has to do about a block before it may name it in a row."""

    UPLOAD = 0  # not known to be stored: put it (create-only), then commit
    STORED = 1  # it is stored: nothing to upload
    DYING = 2  # being deleted: ask again in a moment


class RenameFlag(IntFlag):
    """Flags of renameat2(2)."""

    NONE = 0
    NOREPLACE = 1
    EXCHANGE = 2


class LockKind(IntEnum):
    """Kinds of locks; the values are those of F_RDLCK, F_WRLCK and F_UNLCK."""

    READ = 0
    WRITE = 1
    UNLOCK = 2


class RecordLock(NamedTuple):
    """A POSIX record lock over the bytes `start`..`end`, both included (end 2**63-1: to the end)."""

    kind: LockKind
    start: int
    end: int
    pid: int


LOCK_TO_END = 2**63 - 1


class Renamed(NamedTuple):
    """What a rename did.

    `moved` is the inode now under the new name; `replaced` what stood there before and is now under
    no name (or in the trash), None if nothing; with EXCHANGE it is the inode now under the old
    name.
    """

    moved: Attr
    replaced: Attr | None


class VolumeUsage(NamedTuple):
    """For statfs. Without a limit, `capacity_bytes` and `capacity_inodes` are 0."""

    used_bytes: int
    used_inodes: int
    capacity_bytes: int
    capacity_inodes: int


class QuotaKind(IntEnum):
    """What a quota limits."""

    DIRECTORY = 0  # a directory with all below it; the key is its inode number
    USER = 1  # all files of one owner; the key is the uid


class Quota(NamedTuple):
    """A limit and its use; 0 means no limit."""

    kind: QuotaKind
    key: int
    max_bytes: int
    max_inodes: int
    used_bytes: int = 0
    used_inodes: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a volume on all nodes. `block_size_bytes` and `acl`, once on, never change."""

    block_size_bytes: int = 4 * 2**20
    capacity_bytes: int = 0
    capacity_inodes: int = 0
    trash_s: float = 0.0
    acl: bool = False
    changelog: bool = False
    changelog_max_age_s: float = 86400.0
    changelog_max_entries: int = 0
    directory_quotas: bool = False
    user_quotas: bool = False


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One client of a volume. `expires_ns` is when others may clean up after it."""

    sid: int
    expires_ns: int
    started_ns: int = 0
    host: str = ""
    pid: int = 0
    mount_point: str = ""
    version: str = ""
    read_only: bool = False
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrashItem:
    """A removed file or (empty) directory that can come back until `trash_s` is over."""

    ino: int
    removed_ns: int
    parent: int
    name: bytes
    kind: FileKind
    uid: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change feed.

    `kind` is one of: create, mkdir, symlink, mknod, link, unlink, rmdir, rename, exchange, setattr,
    write, truncate, xattr, acl, clone, restore, settings. Fields that a kind does not need are 0 or
    empty.
    """

    seq: int
    time_ns: int
    kind: str
    ino: int
    parent: int = 0
    name: bytes = b""
    new_parent: int = 0
    new_name: bytes = b""
    sid: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that `check` found. `repaired` tells whether it was put right in the same run."""

    kind: str
    ino: int
    message: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class BlockUse:
    """How many rows name a block; `dying` while its object is being deleted."""

    digest: bytes
    stored_bytes: int
    references: int
    dying: bool


@dataclass(frozen=True, slots=True)
class TreeTotals:
    """What lies below a directory, the directory itself included."""

    files: int
    directories: int
    size_bytes: int
    blocks: int
