"""Giving a sealed blob a second name outside the store: a hard link, or a copy where that fails.

The target appears whole or not at all. Called by Blob.link_to() on a thread that may block.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from blobstore import files
from dfcore.errors import BadInput

# Another file system, one that has no links, too many of them, or not our file to link.
_NO_LINK = (
    errno.EXDEV,
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.ENOENT,
)


def link_or_copy(source: Path, fd: int, size_bytes: int, target: Path, *, overwrite: bool) -> bool:
    """Make `target` have the blob's content; True if it is a hard link, False if a copy.

    `fd` is open on the blob and used for the copy. BadInput if `target` exists and must not be
    overwritten; OSError if it cannot be written.
    """
    if not overwrite and os.path.lexists(target):
        raise BadInput(f"{target} exists already")
    # Beside the target, so that the rename below stays within one file system.
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    try:
        linked = _link(source, fd, temporary)
        if not linked:
            _copy(fd, size_bytes, temporary)
        _publish(temporary, target, overwrite=overwrite)
    finally:
        # Still there if something failed, and if both names already were the same file.
        temporary.unlink(missing_ok=True)
    return linked


def _link(source: Path, fd: int, temporary: Path) -> bool:
    try:
        # Whoever has the second name must not be able to change the blob through it.
        os.fchmod(fd, 0o444)
        os.link(source, temporary)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _copy(fd: int, size_bytes: int, temporary: Path) -> None:
    target_fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        files.copy_bytes(fd, target_fd, size_bytes)
    finally:
        os.close(target_fd)


def _publish(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise BadInput(f"{target} exists already") from None
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        temporary.rename(target)
