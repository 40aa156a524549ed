"""What goes wrong in an object store, in the project's words. Pure.

Texts of libraries and servers pass the filter for secrets: they quote URLs, and URLs are signed.
"""

from __future__ import annotations

import errno
import re

from obstore import exceptions as told

from dfcore.errors import (
    BadInput,
    Denied,
    MeganeuraError,
    NoSpace,
    NotFound,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from dfinfra.redact import redact_text

_STATUS = re.compile(r"status(?: code)?:? ?\(?(\d{3})|(\d{3}) [A-Z][a-z]+", re.I)
_FULL = re.compile(
    r"\b507\b|no space left|storage ?full|insufficient ?storage|quota ?exceeded|disk full"
    r"|not enough (?:free )?space|no writable volumes|no free volumes",
    re.I,
)
_SLOW = re.compile(r"kind: Timeout|operation timed out", re.I)
# The machine's own identity was asked for, and there is no such thing here.
_UNKNOWN = re.compile(r"token request.*(?:40[0-9]|dns error|connection refused)", re.I)
_LONGEST = 300


def from_os_error(error: OSError, name: str) -> MeganeuraError:
    """An error of the local file system at an object."""
    what = f"object {name}: {error.strerror or error}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(what)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(what)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Denied(what)
    return Unavailable(what)


def from_library_error(error: Exception, name: str) -> MeganeuraError:
    """An error that obstore raised."""
    text = _short(" ".join(redact_text(str(error)).split()))
    what = f"object {name}: {text}"
    if isinstance(error, FileNotFoundError):
        return NotFound(f"object {name} is not in the store")
    if isinstance(error, told.PermissionDeniedError):
        return Denied(what)
    if isinstance(error, told.UnauthenticatedError):
        return Unauthorized(what)
    if isinstance(error, (told.InvalidPathError, told.NotSupportedError, ValueError)):
        return BadInput(what)
    if _UNKNOWN.search(text):
        return Unauthorized(
            f"object {name}: no credentials for this bucket, and this machine has none"
        )
    if _FULL.search(text):
        return NoSpace(what)
    if _SLOW.search(str(error)):
        return TimedOut(what)
    return Unavailable(what)


def _short(text: str) -> str:
    # The library repeats itself: "Generic S3 error: Error performing …: …\n\nDebug source: …".
    text = re.split(r"\s*Debug source:", text)[0]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
