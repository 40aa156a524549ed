"""A file on its way to its place: written beside the target, resumed, verified, then renamed.

The unfinished file is called ``.<name>.<identity>.dfget``; the identity stands for the content, so
that bytes of two contents never mix. Everything here blocks: dfget calls it on a thread pool.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
from pathlib import Path

from dfcore.digest import Digest, Hasher, new_hasher
from dfcore.errors import BadInput, DigestMismatch, MeganeuraError, OriginBroken
from dfcore.pieces import MAX_PIECE_LENGTH

SUFFIX = ".dfget"
_IDENTITY_DIGITS = 16
_READ_BYTES = 1 << 20
# The longest name of a file is 255 bytes on every usual file system.
_MAX_NAME_BYTES = 200


def identity_of(*parts: object) -> str:
    """What tells one content from another, as a part of a file name."""
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:_IDENTITY_DIGITS]


def resume_offset(target: Path) -> int:
    """How many bytes of the target an earlier run left, down to a border of pieces of any length.

    Never all of them, so that there is something to ask for.
    """
    sizes = [_size(path) for path in _parts_of(target)]
    return _border(sizes[0]) if len(sizes) == 1 else 0


def discard_parts(target: Path) -> None:
    """Remove what earlier runs left of the target."""
    _remove_others(target, None)


class PartFile:
    """The unfinished file, open and locked. ``offset`` is how many bytes of it are good."""

    def __init__(self, target: Path, identity: str, digest: Digest | None, size_bytes: int) -> None:
        """Open what is there of this content, or begin; remove what is there of others."""
        self._target = target
        self._digest = digest
        self._size_bytes = size_bytes
        self.path = target.with_name(f"{_stem(target)}{identity}{SUFFIX}")
        _remove_others(target, self.path)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _lock(self._fd, target)
            self.offset = min(_border(os.fstat(self._fd).st_size), size_bytes)
            os.ftruncate(self._fd, self.offset)
            self._hasher = self._hash_so_far()
        except BaseException:
            os.close(self._fd)
            raise

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes to their place. Those that come out of order end the file's resumability."""
        if self._hasher is not None and offset == self.offset:
            self._hasher.update(data)
        elif offset != self.offset:
            self._take_out_of_order()
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            view, offset = view[written:], offset + written
        self.offset = max(self.offset, offset)

    def finish(self, *, overwrite: bool) -> None:
        """Verify, make durable, and give it its name. Raises DigestMismatch, BadInput."""
        size_bytes = os.fstat(self._fd).st_size
        if size_bytes != self._size_bytes:
            raise OriginBroken(f"{size_bytes} bytes arrived of {self._size_bytes}")
        if self._digest is not None:
            found = self._hasher.digest() if self._hasher else digest_of(self.path, self._digest)
            if found != self._digest:
                self.path.unlink()
                raise DigestMismatch(f"the content is {found}, not {self._digest}")
        os.fsync(self._fd)
        _publish(self.path, self._target, overwrite=overwrite)

    def close(self) -> None:
        """Let go. What is not finished stays for the next run."""
        os.close(self._fd)

    def _hash_so_far(self) -> Hasher | None:
        if self._digest is None:
            return None
        hasher = new_hasher(self._digest.algorithm, self._size_bytes)
        at = 0
        while at < self.offset:
            block = os.pread(self._fd, min(_READ_BYTES, self.offset - at), at)
            hasher.update(block)
            at += len(block)
        return hasher

    def _take_out_of_order(self) -> None:
        """From now on the size says nothing about what is there: no later run may build on it."""
        self._hasher = None
        scratch = self.path.with_suffix(".scratch")
        if self.path.suffix == SUFFIX:
            self.path = self.path.rename(scratch)


def digest_of(path: Path, like: Digest) -> Digest:
    """The digest of a file, of the same kind as another."""
    with path.open("rb") as file:
        hasher = new_hasher(like.algorithm, os.fstat(file.fileno()).st_size)
        while block := file.read(_READ_BYTES):
            hasher.update(block)
    return hasher.digest()


def _stem(target: Path) -> str:
    name = target.name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    return f".{name}."


def _parts_of(target: Path) -> list[Path]:
    stem, length = _stem(target), len(_stem(target)) + _IDENTITY_DIGITS
    try:
        names = os.listdir(target.parent)
    except OSError:
        return []
    return [
        target.with_name(name)
        for name in names
        if name.startswith(stem) and name[length:] in (SUFFIX, ".scratch")
    ]


def _size(path: Path) -> int:
    if path.suffix != SUFFIX:
        return 0
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _border(size_bytes: int) -> int:
    return max(size_bytes - 1, 0) // MAX_PIECE_LENGTH * MAX_PIECE_LENGTH


def _remove_others(target: Path, kept: Path | None) -> None:
    for path in _parts_of(target):
        if path == kept:
            continue
        with contextlib.suppress(OSError, MeganeuraError):
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                _lock(fd, target)
                path.unlink()
            finally:
                os.close(fd)


def _lock(fd: int, target: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MeganeuraError(f"another dfget is writing {target}") from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def _publish(path: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        path.replace(target)
        return
    try:
        target.hardlink_to(path)
    except FileExistsError:
        raise BadInput(f"{target} exists already; --overwrite replaces it") from None
    except OSError:
        # A file system without links: the check was made when the download began.
        path.rename(target)
    else:
        path.unlink()
