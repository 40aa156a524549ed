"""The seam between open files and whoever opens them: the mount, the gateway, the commands.

`dffs.vfs.files.Files` implements FilesApi and makes the OpenFiles. Everything is synchronous and
thread-safe. Refusals are OSErrors (mostly MetaError) with the errno a user is to see: EIO for blocks
that cannot be had, ENOSPC for a full store. A file is the same to all its openers in one process;
others see a change after it was flushed, when they open the file the next time (close-to-open).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dffs.meta.types import Attr, Caller

if TYPE_CHECKING:
    from typing_extensions import Buffer


class OpenFileApi(Protocol):
    """One open file. release() it once; after that nothing else may be called."""

    @property
    def ino(self) -> int:
        """Its inode."""
        ...

    @property
    def attr(self) -> Attr:
        """The attributes as this process sees them: written bytes count, flushed or not."""
        ...

    @property
    def keep_cache(self) -> bool:
        """The content is the one that the last opener in this process saw: the kernel's pages of
        this file are still true (FOPEN_KEEP_CACHE)."""
        ...

    def passthrough_fd(self) -> int | None:
        """A descriptor of a complete local file with exactly this content; None if there is none.

        It stays open until release(). None as well for files opened for writing, or while anybody
        in this process has written bytes that are not flushed.
        """
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the file."""
        ...

    def read_into(self, offset: int, buffer: Buffer) -> int:
        """The same into a buffer; how many bytes there were."""
        ...

    def write(self, offset: int, data: Buffer) -> int:
        """Take all of `data` (it is copied); with O_APPEND `offset` is ignored. Always len(data)."""
        ...

    def truncate(self, size: int, *, caller: Caller | None = None) -> Attr:
        """Cut or extend the file: ftruncate(2)."""
        ...

    def allocate(self, mode: int, offset: int, length: int) -> Attr:
        """fallocate(2), with the modes that Meta.fallocate knows."""
        ...

    def seek(self, offset: int, whence: int) -> int:
        """SEEK_DATA (3) and SEEK_HOLE (4). ENXIO past the end."""
        ...

    def flush(self) -> None:
        """What was written is in the object store and in the metadata: others see it. For close(2)."""
        ...

    def fsync(self, *, data_only: bool = False) -> None:
        """flush(), and it survives a power cut."""
        ...

    def release(self) -> None:
        """The handle is done with. Bytes that could not be flushed are given up, with a log line."""
        ...


class FilesApi(Protocol):
    """The open files of one process."""

    def open(self, caller: Caller, ino: int, flags: int) -> OpenFileApi:
        """Open a file: asks the engine (Meta.open: rights, O_TRUNC, keeps the inode)."""
        ...

    def opened(self, attr: Attr, flags: int) -> OpenFileApi:
        """A handle on what Meta.create() has just opened."""
        ...

    def seen(self, attr: Attr) -> Attr:
        """Attributes from the engine, with what was written here and is not flushed yet.

        Every attribute that goes to the kernel or to a user passes through here.
        """
        ...

    def truncate(self, caller: Caller, ino: int, size: int) -> Attr:
        """truncate(2): without a handle, with a check of the mode."""
        ...

    def copy_range(
        self,
        source: OpenFileApi,
        source_offset: int,
        target: OpenFileApi,
        target_offset: int,
        length: int,
    ) -> int:
        """copy_file_range(2): rows where blocks allow it, bytes otherwise. May copy less."""
        ...

    def flush_ino(self, ino: int) -> None:
        """Flush what this process has written to an inode, if anything (before clone, rename over
        another volume, …)."""
        ...

    def flush_all(self) -> None:
        """Flush everything (syncfs, umount)."""
        ...

    def changed(self, ino: int) -> None:
        """Somebody else changed the file, by Meta.fallocate, copy_range or a peer's word: the next
        read looks again."""
        ...

    def forget_opening(self, ino: int) -> None:
        """Another client has changed the file: whoever opens it next asks the engine."""
        ...

    def close(self) -> None:
        """Flush, and stop the threads."""
        ...
