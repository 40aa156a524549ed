"""From what a file system raised to the errno that the kernel is told. Pure; `server` uses it."""

from __future__ import annotations

import errno

from dfcore.errors import Denied, MeganeuraError, NoSpace, NotFound, TimedOut, Unauthorized

_BY_CLASS: tuple[tuple[type[MeganeuraError], int], ...] = (
    (NoSpace, errno.ENOSPC),
    (Denied, errno.EACCES),
    (Unauthorized, errno.EACCES),
    (NotFound, errno.ENOENT),
    (TimedOut, errno.ETIMEDOUT),
)


def errno_of(error: Exception) -> int | None:
    """The errno of a refusal or a known failure; None for a bug of ours."""
    if isinstance(error, OSError):
        return error.errno or errno.EIO
    if isinstance(error, MeganeuraError):
        for kind, number in _BY_CLASS:
            if isinstance(error, kind):
                return number
        return errno.EIO
    return None
