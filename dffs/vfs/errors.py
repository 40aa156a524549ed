"""From what went wrong below to the errno that a user's program sees. Pure."""

from __future__ import annotations

import errno

from dfcore.errors import Denied, MeganeuraError, NoSpace, Unauthorized
from dffs.meta.types import MetaError


def as_os_error(error: BaseException) -> OSError:
    """ENOSPC for a full store, EACCES for one that refuses us, EIO for all that is not there."""
    if isinstance(error, OSError):
        return error
    if isinstance(error, NoSpace):
        return MetaError(errno.ENOSPC, str(error))
    if isinstance(error, (Denied, Unauthorized)):
        return MetaError(errno.EACCES, str(error))
    if isinstance(error, MeganeuraError):
        return MetaError(errno.EIO, str(error))
    raise error
