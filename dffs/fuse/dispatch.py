"""Requests of the kernel, decoded, answered by `Operations`, and encoded again.

One function per opcode takes the request's head and body and returns the reply's body; errors are
exceptions. `server` calls `Dispatcher.answer` from its threads; nothing here blocks by itself.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from dffs.fuse import wire
from dffs.fuse.operations import LATER, NOW, Data, Lock, Operations, Request, SetAttr
from dffs.fuse.wire import Opcode, SetAttrBit

# A reply's body; None: the kernel expects none (FORGET), or it comes later (a lock).
Reply = Data | None
Handler = Callable[[Request, memoryview], Reply]

_NOTHING = b""
_U64_MAX = 0xFFFFFFFFFFFFFFFF


class Dispatcher:
    """One file system's answers, by opcode."""

    def __init__(self, operations: Operations, *, setxattr_ext: bool = False) -> None:
        self._ops = operations
        self._setxattr_in = wire.SETXATTR_EXT_IN if setxattr_ext else wire.SETXATTR_IN
        self._handlers: list[Handler] = [_unknown] * wire.OPCODES
        for opcode in Opcode:
            handler = getattr(self, f"_{opcode.name.lower()}", None)
            if handler is not None:
                self._handlers[opcode] = handler

    def answer(self, request: Request, body: memoryview) -> Reply:
        """Raises OSError for a refusal, and whatever a file system with a bug raises."""
        opcode = request.opcode
        handler = self._handlers[opcode] if opcode < wire.OPCODES else _unknown
        return handler(request, body)

    # Names and attributes

    def _lookup(self, request: Request, body: memoryview) -> Reply:
        return self._ops.lookup(request, bytes(body[:-1]))

    def _forget(self, request: Request, body: memoryview) -> Reply:
        self._ops.forget([(request.node, wire.U64.unpack_from(body)[0])])
        return None

    def _batch_forget(self, request: Request, body: memoryview) -> Reply:
        (count, _) = wire.BATCH_FORGET_IN.unpack_from(body)
        rows = wire.FORGET_ONE.iter_unpack(body[8 : 8 + 16 * count])
        self._ops.forget([(node, times) for node, times in rows])
        return None

    def _getattr(self, request: Request, body: memoryview) -> Reply:
        flags, _, handle = wire.GETATTR_IN.unpack_from(body)
        return self._ops.getattr(request, handle if flags & wire.GETATTR_HANDLE else None)

    def _setattr(self, request: Request, body: memoryview) -> Reply:
        return self._ops.setattr(request, _set_attr(body))

    def _access(self, request: Request, body: memoryview) -> Reply:
        self._ops.access(request, wire.ACCESS_IN.unpack_from(body)[0])
        return _NOTHING

    def _readlink(self, request: Request, body: memoryview) -> Reply:
        return self._ops.readlink(request)

    def _symlink(self, request: Request, body: memoryview) -> Reply:
        name, target = _names(body)
        return self._ops.symlink(request, name, target)

    def _mknod(self, request: Request, body: memoryview) -> Reply:
        mode, rdev, umask, _ = wire.MKNOD_IN.unpack_from(body)
        return self._ops.mknod(request, bytes(body[16:-1]), mode, rdev, umask)

    def _mkdir(self, request: Request, body: memoryview) -> Reply:
        mode, umask = wire.MKDIR_IN.unpack_from(body)
        return self._ops.mkdir(request, bytes(body[8:-1]), mode, umask)

    def _unlink(self, request: Request, body: memoryview) -> Reply:
        self._ops.unlink(request, bytes(body[:-1]))
        return _NOTHING

    def _rmdir(self, request: Request, body: memoryview) -> Reply:
        self._ops.rmdir(request, bytes(body[:-1]))
        return _NOTHING

    def _rename(self, request: Request, body: memoryview) -> Reply:
        (parent,) = wire.U64.unpack_from(body)
        old, new = _names(body[8:])
        self._ops.rename(request, old, parent, new, 0)
        return _NOTHING

    def _rename2(self, request: Request, body: memoryview) -> Reply:
        parent, flags, _ = wire.RENAME2_IN.unpack_from(body)
        old, new = _names(body[16:])
        self._ops.rename(request, old, parent, new, flags)
        return _NOTHING

    def _link(self, request: Request, body: memoryview) -> Reply:
        return self._ops.link(request, wire.U64.unpack_from(body)[0], bytes(body[8:-1]))

    # Open files

    def _open(self, request: Request, body: memoryview) -> Reply:
        flags, open_flags = wire.OPEN_IN.unpack_from(body)
        return self._ops.open(request, flags, bool(open_flags & wire.OPEN_KILL_SUIDGID))

    def _create(self, request: Request, body: memoryview) -> Reply:
        flags, mode, umask, _ = wire.CREATE_IN.unpack_from(body)
        entry, opened = self._ops.create(request, bytes(body[16:-1]), flags, mode, umask)
        return entry + opened

    def _read(self, request: Request, body: memoryview) -> Reply:
        handle, offset, size, _, _, _, _ = wire.READ_IN.unpack_from(body)
        return self._ops.read(request, handle, offset, size)

    def _write(self, request: Request, body: memoryview) -> Reply:
        handle, offset, size, flags, _, _, _ = wire.WRITE_IN.unpack_from(body)
        data = body[40 : 40 + size]
        kill = bool(flags & wire.WRITE_KILL_SUIDGID)
        return wire.WRITE_OUT.pack(self._ops.write(request, handle, offset, data, kill), 0)

    def _flush(self, request: Request, body: memoryview) -> Reply:
        handle, _, _, owner = wire.FLUSH_IN.unpack_from(body)
        self._ops.flush(request, handle, owner)
        return _NOTHING

    def _fsync(self, request: Request, body: memoryview) -> Reply:
        handle, flags, _ = wire.FSYNC_IN.unpack_from(body)
        self._ops.fsync(request, handle, bool(flags & wire.FSYNC_DATA_ONLY))
        return _NOTHING

    def _release(self, request: Request, body: memoryview) -> Reply:
        handle, _, flags, owner = wire.RELEASE_IN.unpack_from(body)
        self._ops.release(request, handle, owner, bool(flags & wire.RELEASE_FLOCK_UNLOCK))
        return _NOTHING

    def _fallocate(self, request: Request, body: memoryview) -> Reply:
        handle, offset, length, mode, _ = wire.FALLOCATE_IN.unpack_from(body)
        self._ops.fallocate(request, handle, mode, offset, length)
        return _NOTHING

    def _lseek(self, request: Request, body: memoryview) -> Reply:
        handle, offset, whence, _ = wire.LSEEK_IN.unpack_from(body)
        return wire.U64.pack(self._ops.lseek(request, handle, offset, whence))

    def _copied(self, request: Request, body: memoryview) -> int:
        handle, offset, node, to_handle, to_offset, length, _ = wire.COPY_FILE_RANGE_IN.unpack_from(
            body
        )
        target = (node, to_handle, to_offset)
        return self._ops.copy_file_range(request, (handle, offset), target, length)

    def _copy_file_range(self, request: Request, body: memoryview) -> Reply:
        return wire.WRITE_OUT.pack(self._copied(request, body), 0)

    def _copy_file_range_64(self, request: Request, body: memoryview) -> Reply:
        return wire.U64.pack(self._copied(request, body))

    # Directories

    def _opendir(self, request: Request, body: memoryview) -> Reply:
        return self._ops.opendir(request)

    def _readdir(self, request: Request, body: memoryview) -> Reply:
        handle, offset, size, _, _, _, _ = wire.READ_IN.unpack_from(body)
        return self._ops.readdir(request, handle, offset, size, False)

    def _readdirplus(self, request: Request, body: memoryview) -> Reply:
        handle, offset, size, _, _, _, _ = wire.READ_IN.unpack_from(body)
        return self._ops.readdir(request, handle, offset, size, True)

    def _releasedir(self, request: Request, body: memoryview) -> Reply:
        self._ops.releasedir(request, wire.RELEASE_IN.unpack_from(body)[0])
        return _NOTHING

    def _fsyncdir(self, request: Request, body: memoryview) -> Reply:
        handle, flags, _ = wire.FSYNC_IN.unpack_from(body)
        self._ops.fsyncdir(request, handle, bool(flags & wire.FSYNC_DATA_ONLY))
        return _NOTHING

    # The whole, extended attributes, locks

    def _statfs(self, request: Request, body: memoryview) -> Reply:
        return self._ops.statfs(request)

    def _syncfs(self, request: Request, body: memoryview) -> Reply:
        self._ops.syncfs(request)
        return _NOTHING

    def _getxattr(self, request: Request, body: memoryview) -> Reply:
        size, _ = wire.GETXATTR_IN.unpack_from(body)
        return _sized(self._ops.getxattr(request, bytes(body[8:-1])), size)

    def _listxattr(self, request: Request, body: memoryview) -> Reply:
        size, _ = wire.GETXATTR_IN.unpack_from(body)
        return _sized(self._ops.listxattr(request), size)

    def _setxattr(self, request: Request, body: memoryview) -> Reply:
        size, flags = self._setxattr_in.unpack_from(body)[:2]
        rest = bytes(body[self._setxattr_in.size :])
        end = rest.index(0)
        self._ops.setxattr(request, rest[:end], rest[end + 1 : end + 1 + size], flags)
        return _NOTHING

    def _removexattr(self, request: Request, body: memoryview) -> Reply:
        self._ops.removexattr(request, bytes(body[:-1]))
        return _NOTHING

    def _getlk(self, request: Request, body: memoryview) -> Reply:
        held = self._ops.getlk(request, _lock(body))
        if held is None:
            return wire.LK_OUT.pack(0, 0, _F_UNLCK, 0)
        return wire.LK_OUT.pack(held.start, held.end, held.kind, held.pid)

    def _setlk(self, request: Request, body: memoryview) -> Reply:
        self._ops.setlk(request, _lock(body), False)
        return _NOTHING

    def _setlkw(self, request: Request, body: memoryview) -> Reply:
        return None if self._ops.setlk(request, _lock(body), True) is LATER else _NOTHING

    def _interrupt(self, request: Request, body: memoryview) -> Reply:
        self._ops.interrupt(wire.U64.unpack_from(body)[0])
        return None

    def _notify_reply(self, request: Request, body: memoryview) -> Reply:
        return None

    def _destroy(self, request: Request, body: memoryview) -> Reply:
        self._ops.destroy()
        return _NOTHING


_F_UNLCK = 2


def _unknown(request: Request, body: memoryview) -> Reply:
    raise OSError(errno.ENOSYS, "not spoken here")


def _names(body: memoryview) -> tuple[bytes, bytes]:
    first, second, _ = bytes(body).split(b"\0", 2)
    return first, second


def _sized(value: bytes, room: int) -> bytes:
    """What GETXATTR and LISTXATTR answer: the size if no room is given, else the value."""
    if room == 0:
        return wire.GETXATTR_OUT.pack(len(value), 0)
    if len(value) > room:
        raise OSError(errno.ERANGE, "the buffer is too small")
    return value


def _lock(body: memoryview) -> Lock:
    handle, owner, start, end, kind, pid, flags, _ = wire.LK_IN.unpack_from(body)
    return Lock(handle, owner, start, end, kind, pid, bool(flags & wire.LOCK_IS_FLOCK))


def _set_attr(body: memoryview) -> SetAttr:
    (
        valid, _, handle, size, _, atime, mtime, _, atime_ns, mtime_ns, _, mode, _, uid, gid, _,
    ) = wire.SETATTR_IN.unpack_from(body)  # fmt: skip
    return SetAttr(
        mode=mode & 0o7777 if valid & SetAttrBit.MODE else None,
        uid=uid if valid & SetAttrBit.UID else None,
        gid=gid if valid & SetAttrBit.GID else None,
        size_bytes=size if valid & SetAttrBit.SIZE else None,
        atime_ns=_time(valid, SetAttrBit.ATIME, SetAttrBit.ATIME_NOW, atime, atime_ns),
        mtime_ns=_time(valid, SetAttrBit.MTIME, SetAttrBit.MTIME_NOW, mtime, mtime_ns),
        handle=handle if valid & SetAttrBit.HANDLE else None,
        kill_privileges=bool(valid & SetAttrBit.KILL_SUIDGID),
    )


def _time(valid: int, given: int, now: int, seconds: int, ns: int) -> int | None:
    if not valid & given:
        return None
    if valid & now:
        return NOW
    if seconds > _U64_MAX >> 1:
        seconds -= _U64_MAX + 1
    return seconds * 1_000_000_000 + ns
