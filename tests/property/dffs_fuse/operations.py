"""Operations on a directory tree as data: drawn at random, done anywhere, with comparable outcomes."""

# The system calls themselves are meant here.
# ruff: noqa: PTH101, PTH102, PTH106, PTH108, PTH115, PTH211

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c")
DEEPEST = 3
HANDLES = 4
# Enough to reach into the third block of a volume with blocks of 64 KiB.
LONGEST = 150_000

Operation = tuple[Any, ...]
Outcome = object

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD = -100
_MODES = {
    "r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR, "c": os.O_RDWR | os.O_CREAT,
    "cx": os.O_RDWR | os.O_CREAT | os.O_EXCL, "ct": os.O_RDWR | os.O_CREAT | os.O_TRUNC,
    "ca": os.O_WRONLY | os.O_CREAT | os.O_APPEND, "t": os.O_WRONLY | os.O_TRUNC,
    "d": os.O_RDONLY | os.O_DIRECTORY, "n": os.O_RDONLY | os.O_NOFOLLOW,
}  # fmt: skip

_paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=DEEPEST).map("/".join)
_handles = st.integers(0, HANDLES - 1)
_offsets = st.one_of(
    st.integers(0, LONGEST), st.sampled_from([0, 1, 4095, 4096, 65535, 65536, 65537, 131072])
)
_lengths = st.one_of(st.integers(0, 70_000), st.sampled_from([0, 1, 4096, 65536]))
_bytes = st.tuples(st.integers(0, 255), _lengths)


def _drawn(name: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[Operation]:
    return st.tuples(st.just(name), *parts)


operations: st.SearchStrategy[Operation] = st.one_of(
    _drawn(
        "open", _handles, _paths, st.sampled_from(sorted(_MODES)), st.sampled_from([0o644, 0o600])
    ),
    _drawn("open", _handles, _paths, st.sampled_from(["c", "ct", "ca"]), st.just(0o644)),
    _drawn("close", _handles),
    _drawn("write", _handles, _bytes),
    _drawn("pwrite", _handles, _offsets, _bytes),
    _drawn("pread", _handles, _offsets, _lengths),
    _drawn("read", _handles, _lengths),
    _drawn("seek", _handles, _offsets),
    _drawn("ftruncate", _handles, _offsets),
    _drawn("fsync", _handles),
    _drawn("fallocate", _handles, st.sampled_from([0, 1, 3]), _offsets, _lengths),
    _drawn("copy", _handles, _offsets, _handles, _offsets, _lengths),
    _drawn("map", _handles, _offsets, _bytes),
    _drawn("fstat", _handles),
    _drawn("truncate", _paths, _offsets),
    _drawn("content", _paths),
    _drawn("mkdir", _paths, st.sampled_from([0o755, 0o700, 0o2775])),
    _drawn("rmdir", _paths),
    _drawn("unlink", _paths),
    _drawn("rename", _paths, _paths, st.sampled_from([0, 0, 0, 1, 2])),
    _drawn("link", _paths, _paths),
    _drawn("symlink", st.sampled_from(["a", "../b", "nowhere", "a/b", "."]), _paths),
    _drawn("readlink", _paths),
    _drawn("chmod", _paths, st.sampled_from([0o644, 0o755, 0o4711, 0o2755, 0o1777, 0])),
    _drawn("chown", _paths, st.sampled_from([0, 1000]), st.sampled_from([0, 100])),
    _drawn("utime", _paths, st.integers(-(10**10), 10**19 // 8)),
    _drawn("stat", _paths),
    _drawn("lstat", _paths),
    _drawn("list", _paths),
    _drawn("mknod", _paths, st.sampled_from([stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK])),
    _drawn("setxattr", _paths, st.sampled_from(["user.x", "user.y"]), st.integers(0, 2)),
    _drawn("getxattr", _paths, st.sampled_from(["user.x", "user.y"])),
)

streams = st.lists(operations, min_size=1, max_size=60)


@dataclass
class Place:
    """A directory in which streams are carried out, with its open files."""

    root: Path
    handles: list[int] = field(default_factory=lambda: [-1] * HANDLES)

    def do(self, operation: Operation) -> Outcome:
        """Carry out one operation; its result, or the name of its error."""
        name, *arguments = operation
        action: Callable[..., Outcome] = getattr(self, f"_{name}")
        try:
            return action(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno or 0]

    def close(self) -> None:
        for number in range(HANDLES):
            self._close(number)

    def tree(self) -> list[tuple[str, Outcome, Outcome]]:
        """All that is there: name, attributes, content."""
        rows = []
        for folder, names, files in os.walk(self.root):
            for name in sorted(names + files):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                rows.append((path, self.do(("lstat", path)), self._what(path)))
        return sorted(rows)

    def _what(self, path: str) -> Outcome:
        mode = (self.root / path).lstat().st_mode
        if stat.S_ISREG(mode):
            return self._content(path)
        return self.do(("readlink", path)) if stat.S_ISLNK(mode) else None

    def _open(self, number: int, path: str, how: str, mode: int) -> Outcome:
        fd = os.open(self.root / path, _MODES[how] | os.O_NONBLOCK | os.O_CLOEXEC, mode)
        self._close(number)
        self.handles[number] = fd
        return None

    def _close(self, number: int) -> Outcome:
        fd, self.handles[number] = self.handles[number], -1
        with suppress(OSError):
            os.close(fd)
        return None

    def _fd(self, number: int) -> int:
        fd = self.handles[number]
        # Not -1: what is not open must not be told from a closed descriptor by chance.
        return fd if fd >= 0 else 10**6

    def _write(self, number: int, data: tuple[int, int]) -> Outcome:
        return os.write(self._fd(number), bytes([data[0]]) * data[1])

    def _pwrite(self, number: int, offset: int, data: tuple[int, int]) -> Outcome:
        return os.pwrite(self._fd(number), bytes([data[0]]) * data[1], offset)

    def _pread(self, number: int, offset: int, length: int) -> Outcome:
        return os.pread(self._fd(number), length, offset)

    def _read(self, number: int, length: int) -> Outcome:
        return os.read(self._fd(number), length)

    def _seek(self, number: int, offset: int) -> Outcome:
        # The position in a directory means something to its file system only.
        fd = self._fd(number)
        return None if stat.S_ISDIR(os.fstat(fd).st_mode) else os.lseek(fd, offset, os.SEEK_SET)

    def _ftruncate(self, number: int, length: int) -> Outcome:
        return os.ftruncate(self._fd(number), length)

    def _fsync(self, number: int) -> Outcome:
        return os.fsync(self._fd(number))

    def _fallocate(self, number: int, mode: int, offset: int, length: int) -> Outcome:
        done = _libc.fallocate(
            self._fd(number), mode, ctypes.c_longlong(offset), ctypes.c_longlong(length)
        )
        if done != 0:
            raise OSError(ctypes.get_errno(), "fallocate")
        return None

    def _copy(self, source: int, start: int, target: int, to: int, length: int) -> Outcome:
        if source == target:
            return None
        done = 0
        while done < length:
            left = length - done
            copied = os.copy_file_range(
                self._fd(source), self._fd(target), left, start + done, to + done
            )
            if not copied:
                break
            done += copied
        return done

    def _map(self, number: int, offset: int, data: tuple[int, int]) -> Outcome:
        """Write through a shared mapping what fits into the file; gives the first bytes."""
        fd = self._fd(number)
        size = os.fstat(fd).st_size
        if not stat.S_ISREG(os.fstat(fd).st_mode) or offset >= size:
            return size
        with mmap.mmap(fd, size) as mapped:
            end = min(size, offset + data[1])
            mapped[offset:end] = bytes([data[0]]) * (end - offset)
            mapped.flush()
            return mapped[:100]

    def _fstat(self, number: int) -> Outcome:
        return _seen(os.fstat(self._fd(number)))

    def _truncate(self, path: str, length: int) -> Outcome:
        return os.truncate(self.root / path, length)

    def _content(self, path: str) -> Outcome:
        fd = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(fd, 1 << 20)
        finally:
            os.close(fd)

    def _mkdir(self, path: str, mode: int) -> Outcome:
        return os.mkdir(self.root / path, mode)

    def _rmdir(self, path: str) -> Outcome:
        return os.rmdir(self.root / path)

    def _unlink(self, path: str) -> Outcome:
        return os.unlink(self.root / path)

    def _rename(self, path: str, other: str, flags: int) -> Outcome:
        done = _libc.renameat2(
            _AT_FDCWD,
            os.fsencode(self.root / path),
            _AT_FDCWD,
            os.fsencode(self.root / other),
            flags,
        )
        if done != 0:
            raise OSError(ctypes.get_errno(), "renameat2")
        return None

    def _link(self, path: str, other: str) -> Outcome:
        return os.link(self.root / path, self.root / other, follow_symlinks=False)

    def _symlink(self, target: str, path: str) -> Outcome:
        return os.symlink(target, self.root / path)

    def _readlink(self, path: str) -> Outcome:
        return os.readlink(self.root / path)

    def _chmod(self, path: str, mode: int) -> Outcome:
        return os.chmod(self.root / path, mode)

    def _chown(self, path: str, uid: int, gid: int) -> Outcome:
        return os.chown(self.root / path, uid, gid, follow_symlinks=False)

    def _utime(self, path: str, when: int) -> Outcome:
        return os.utime(self.root / path, ns=(when, when + 1), follow_symlinks=False)

    def _stat(self, path: str) -> Outcome:
        return _seen((self.root / path).stat())

    def _lstat(self, path: str) -> Outcome:
        return _seen((self.root / path).lstat())

    def _list(self, path: str) -> Outcome:
        return sorted(os.listdir(self.root / path))

    def _mknod(self, path: str, kind: int) -> Outcome:
        return os.mknod(self.root / path, kind | 0o640)

    def _setxattr(self, path: str, name: str, flags: int) -> Outcome:
        return os.setxattr(self.root / path, name, b"value", flags, follow_symlinks=False)

    def _getxattr(self, path: str, name: str) -> Outcome:
        return os.getxattr(self.root / path, name, follow_symlinks=False)


def _seen(found: os.stat_result) -> Outcome:
    """What POSIX settles. Times only if they were set: no clock says a year before 2001."""
    set_ns = found.st_mtime_ns if found.st_mtime_ns < 10**18 else None
    size = None if stat.S_ISDIR(found.st_mode) else found.st_size
    return (stat.filemode(found.st_mode), found.st_nlink, found.st_uid, found.st_gid, size, set_ns)
