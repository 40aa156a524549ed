"""Every operation on a volume's metadata, by subject: the seam between `dffs.meta` and all that use
it.

`dffs.meta.fs.Meta` implements `MetaApi`; `dffs.meta.fs.open_meta(url)` makes one. Each operation is
one serializable transaction unless it says otherwise. Refusals are `MetaError` with an errno; an
engine that cannot be reached is a `MeganeuraError` of kind Unavailable. Methods that take a
`Caller` check its rights; those without one do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from dffs.meta.types import (
    ROOT_INO,
    Attr,
    Block,
    BlockState,
    Caller,
    Entry,
    FileKind,
    LockKind,
    RecordLock,
    Renamed,
    RenameFlag,
    TreeTotals,
)
from dffs.meta.volumeapi import VolumeApi


class NamesApi(Protocol):
    """Names and what they stand for."""

    def lookup(self, caller: Caller, parent: int, name: bytes) -> Attr:
        """The inode under a name; "." and ".." work. ENOENT, ENOTDIR, EACCES, ENAMETOOLONG."""
        ...

    def resolve(
        self, caller: Caller, path: bytes, *, start: int = ROOT_INO, follow: bool = False
    ) -> Attr:
        """The inode at a path below `start`; symlinks on the way are followed, the last only on
        wish.
        """
        ...

    def create(
        self,
        caller: Caller,
        parent: int,
        name: bytes,
        mode: int,
        *,
        exclusive: bool = True,
        umask: int = 0,
    ) -> tuple[Attr, bool]:
        """A new empty file, opened by this session (call `release`); the bool tells whether it is
        new.

        Without `exclusive`, an existing file is opened instead, without a check of its mode. A
        default ACL of the parent replaces `umask`.
        """
        ...

    def mknod(
        self,
        caller: Caller,
        parent: int,
        name: bytes,
        kind: FileKind,
        mode: int,
        *,
        rdev: int = 0,
        umask: int = 0,
    ) -> Attr:
        """A file, FIFO, socket or device.

        EEXIST, EACCES, EPERM (devices need uid 0), ENOSPC, EDQUOT.
        """
        ...

    def mkdir(self, caller: Caller, parent: int, name: bytes, mode: int, *, umask: int = 0) -> Attr:
        """A directory; it inherits setgid and default ACL."""
        ...

    def symlink(self, caller: Caller, parent: int, name: bytes, target: bytes) -> Attr:
        """A symbolic link."""
        ...

    def readlink(self, ino: int) -> bytes:
        """A symbolic link's target. EINVAL for anything else."""
        ...

    def link(self, caller: Caller, ino: int, parent: int, name: bytes) -> Attr:
        """One more name for a file. EPERM for directories, EMLINK, EEXIST."""
        ...

    def unlink(self, caller: Caller, parent: int, name: bytes, *, skip_trash: bool = False) -> Attr:
        """Remove a name; gives the inode as it is then (nlink 0: gone, or kept while open)."""
        ...

    def rmdir(self, caller: Caller, parent: int, name: bytes, *, skip_trash: bool = False) -> Attr:
        """Remove an empty directory. ENOTEMPTY, EINVAL for ".", ENOTEMPTY for ".."."""
        ...

    def rename(
        self,
        caller: Caller,
        parent: int,
        name: bytes,
        new_parent: int,
        new_name: bytes,
        flags: RenameFlag = RenameFlag.NONE,
    ) -> Renamed:
        """Move a name, over another one if need be, or exchange two.

        EINVAL into its own subtree.
        """
        ...

    def readdir(
        self,
        caller: Caller,
        ino: int,
        *,
        after: bytes | None = None,
        limit: int = 1000,
        with_attr: bool = False,
    ) -> list[Entry]:
        """Up to `limit` entries in the order of their names, after a name; "." and ".." are not
        given.

        Needs read permission when `after` is None; a later page was allowed by its first one.
        """
        ...

    def paths(self, ino: int) -> list[bytes]:
        """All paths of an inode from the root of the volume (several for hard links)."""
        ...

    def remove_tree(
        self, caller: Caller, parent: int, name: bytes, *, skip_trash: bool = False
    ) -> int:
        """rm -r in many small transactions; gives how many entries went."""
        ...

    def totals(self, ino: int) -> TreeTotals:
        """Sum of what is below, in many small transactions."""
        ...

    def clone(
        self,
        caller: Caller,
        source: int,
        parent: int,
        name: bytes,
        *,
        preserve: bool = False,
        immutable: bool = False,
    ) -> Attr:
        """A copy of a file or of a whole directory by copying rows: no block is stored again.

        A directory is built aside in small transactions and appears at once when it is complete.
        `preserve` keeps owners and times. `immutable` makes a snapshot that nobody changes (root
        may remove it after `set_flags`).
        """
        ...


class AttributesApi(Protocol):
    """Attributes, extended attributes, access."""

    def getattr(self, ino: int) -> Attr:
        """The attributes. ENOENT."""
        ...

    def getattrs(self, inos: Sequence[int]) -> list[Attr | None]:
        """The attributes of many inodes in one round trip; None for what is not there."""
        ...

    def setattr(
        self,
        caller: Caller,
        ino: int,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        size: int | None = None,
        atime_ns: int | None = None,
        mtime_ns: int | None = None,
        atime_now: bool = False,
        mtime_now: bool = False,
        opened: bool = False,
        version: int | None = None,
    ) -> Attr:
        """chmod, chown, truncate and utimens, any of them at once, with POSIX's rules on who may.

        `opened` says that a size change comes through a handle open for writing: no check of the
        mode. A truncation inside a block only cuts the block's row. With `version`: ContentMoved
        unless it is the present one.
        """
        ...

    def touch(self, ino: int, *, atime_ns: int) -> None:
        """Note a read, if the atime mode of this client says so."""
        ...

    def set_flags(self, caller: Caller, ino: int, flags: int, *, recursive: bool = False) -> None:
        """Set or clear IMMUTABLE and APPEND_ONLY; uid 0 only."""
        ...

    def access(self, caller: Caller, ino: int, mask: int) -> None:
        """EACCES unless the caller has the rights of `mask` (R_OK 4, W_OK 2, X_OK 1)."""
        ...

    def getxattr(self, caller: Caller, ino: int, name: bytes) -> bytes:
        """An extended attribute. ENODATA. POSIX ACLs are system.posix_acl_{access,default}."""
        ...

    def setxattr(self, caller: Caller, ino: int, name: bytes, value: bytes, flags: int = 0) -> None:
        """Set one; flags as in setxattr(2): 1 create (EEXIST), 2 replace (ENODATA)."""
        ...

    def listxattr(self, caller: Caller, ino: int) -> list[bytes]:
        """The names of the extended attributes."""
        ...

    def removexattr(self, caller: Caller, ino: int, name: bytes) -> None:
        """Remove one. ENODATA."""
        ...


class ContentApi(Protocol):
    """What files consist of."""

    def open(self, caller: Caller, ino: int, flags: int) -> Attr:
        """Check the rights of O_RDONLY/O_WRONLY/O_RDWR, truncate for O_TRUNC, and keep the inode.

        An unlinked inode lives until every session has called `release` as often as `open`.
        """
        ...

    def keep(self, ino: int) -> None:
        """As `open` of an inode whose attributes and rights are known: nobody is asked."""
        ...

    def release(self, ino: int) -> None:
        """Undo one `open`, `create` or `keep` of this session."""
        ...

    def blocks(self, ino: int, first: int, count: int) -> list[Block]:
        """The blocks `first` .. `first+count-1`, HOLE_BLOCK where nothing is stored."""
        ...

    def reserve_blocks(self, blocks: Iterable[Block]) -> dict[bytes, BlockState]:
        """What to do about each digest before it is named in a row (see BlockState).

        A reserved block is not reclaimed for an hour (`reclaim_age_s`), even though nothing names
        it yet.
        """
        ...

    def write_blocks(
        self,
        ino: int,
        changes: Mapping[int, Block],
        *,
        size_bytes: int | None = None,
        mtime_ns: int | None = None,
        expect_version: int | None = None,
        expect_blocks: Mapping[int, Block] | None = None,
        clear_suid: bool = False,
    ) -> Attr:
        """Put block rows in place; the file becomes at least `size_bytes` long.

        The objects are stored already (`reserve_blocks`, upload, then this). ContentMoved when the
        version or a block is not the expected one; BlocksMissing when a block is being deleted;
        ENOSPC, EDQUOT.
        """
        ...

    def fallocate(
        self,
        ino: int,
        mode: int,
        offset: int,
        length: int,
        changes: Mapping[int, Block] | None = None,
        *,
        expect_version: int | None = None,
    ) -> Attr:
        """fallocate(2): 0 grows the file; KEEP_SIZE nothing; PUNCH_HOLE|KEEP_SIZE and ZERO_RANGE
        drop rows.

        Rows of whole blocks in the range become holes; `changes` holds the blocks at its edges,
        rewritten by the caller. Other modes: EOPNOTSUPP.
        """
        ...

    def copy_range(
        self, source: int, source_offset: int, target: int, target_offset: int, length: int
    ) -> int:
        """Copy rows; gives the bytes copied (less at the source's end).

        EINVAL unless both offsets are on block borders and the length is a whole number of blocks
        or reaches both files' ends: then the caller copies bytes.
        """
        ...

    def set_content(self, ino: int, version: int, digest: str) -> bool:
        """The whole file of that version is known to have this digest; False if it has changed."""
        ...

    def by_content(self, digest: str) -> int | None:
        """Some inode whose whole content has the digest, None if there is none."""
        ...

    def data_ranges(self, ino: int, offset: int) -> Iterator[tuple[int, int]]:
        """(start, end) of stored data at or after `offset`, in order: for SEEK_DATA and SEEK_HOLE."""
        ...


class LocksApi(Protocol):
    """Locks that hold across sessions. They never wait: the caller tries again."""

    def flock(self, ino: int, owner: int, kind: LockKind) -> bool:
        """BSD lock of the whole file; False when another owner's lock is in the way."""
        ...

    def setlk(
        self, ino: int, owner: int, kind: LockKind, start: int, end: int, pid: int = 0
    ) -> bool:
        """POSIX record lock of the bytes start..end (included); False when one is in the way."""
        ...

    def getlk(
        self, ino: int, owner: int, kind: LockKind, start: int, end: int
    ) -> RecordLock | None:
        """The first lock that would be in the way."""
        ...

    def release_locks(self, ino: int, owner: int) -> None:
        """Drop all locks of both kinds that an owner has on a file."""
        ...


class MetaApi(NamesApi, AttributesApi, ContentApi, LocksApi, VolumeApi, Protocol):
    """All of it."""

    @property
    def change_count(self) -> int:
        """Another number after each change that was made through this object."""
        ...
