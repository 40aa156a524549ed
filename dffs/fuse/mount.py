"""Attaches a FUSE connection to a directory and detaches it, and finds its knobs in /sys.

As root by mount(2), else by `fusermount3` (Debian: fuse3), which opens /dev/fuse for us. Nothing
here touches the mounted directory itself: a server that hangs would make us hang with it. The way
out of every trap is `abort`: the kernel then fails all requests of a connection.
"""

from __future__ import annotations

import array
import ctypes
import errno
import os
import shutil
import socket
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from dfcore.errors import ConfigError, Unavailable

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_NOATIME = 1, 2, 4, 8, 1024
_MNT_FORCE, _MNT_DETACH = 1, 2
_CONNECTIONS = Path("/sys/fs/fuse/connections")
_DEVICE = "/dev/fuse"


@dataclass(frozen=True, slots=True)
class MountOptions:
    """How it is mounted. `source` is what mount(8) shows; the rest are mount(8)'s own words."""

    source: str = "dffs"
    subtype: str = "dffs"
    read_only: bool = False
    allow_other: bool = True
    default_permissions: bool = True
    no_suid: bool = False
    no_dev: bool = False
    no_exec: bool = False
    max_read_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Mounted:
    """A line of the kernel's table of mounts. `minor` is also the number of the connection."""

    point: Path
    minor: int
    kind: str
    source: str


def mount(point: Path, options: MountOptions) -> int:
    """Attach a new connection to `point`; gives the descriptor to serve it with."""
    if not point.is_dir():
        raise ConfigError(f"mount point {point}: is not a directory")
    if os.geteuid() != 0:
        return _by_fusermount(point, options)
    try:
        device = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"{_DEVICE}: {error.strerror} (modprobe fuse?)") from error
    try:
        _mount_syscall(device, point, options)
    except OSError as error:
        os.close(device)
        if error.errno == errno.EPERM:
            return _by_fusermount(point, options)
        raise ConfigError(f"mount point {point}: {error.strerror}") from error
    return device


def _mount_syscall(device: int, point: Path, options: MountOptions) -> None:
    flags = _MS_NOATIME
    flags |= _MS_RDONLY if options.read_only else 0
    flags |= _MS_NOSUID if options.no_suid else 0
    flags |= _MS_NODEV if options.no_dev else 0
    flags |= _MS_NOEXEC if options.no_exec else 0
    words = [
        f"fd={device}",
        f"rootmode={stat.S_IFDIR:o}",
        f"user_id={os.geteuid()}",
        f"group_id={os.getegid()}",
        *_words(options),
    ]
    _call(
        "mount",
        os.fsencode(options.source),
        os.fsencode(point),
        f"fuse.{options.subtype}".encode(),
        ctypes.c_ulong(flags),
        ",".join(words).encode(),
    )


def _words(options: MountOptions) -> list[str]:
    words = []
    if options.allow_other:
        words.append("allow_other")
    if options.default_permissions:
        words.append("default_permissions")
    if options.max_read_bytes:
        words.append(f"max_read={options.max_read_bytes}")
    return words


def _by_fusermount(point: Path, options: MountOptions) -> int:
    program = shutil.which("fusermount3")
    if program is None:
        raise Unavailable("mounting needs root, or fusermount3 (Debian: apt-get install fuse3)")
    if options.allow_other and not _others_are_allowed():
        options = replace(options, allow_other=False)
    words = [*_words(options), f"fsname={options.source.replace(',', ' ')}"]
    words += [f"subtype={options.subtype}", "ro" if options.read_only else "rw"]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        environment = dict(os.environ, _FUSE_COMMFD=str(theirs.fileno()))
        done = subprocess.run(
            [program, "-o", ",".join(words), "--", str(point)],
            env=environment,
            pass_fds=[theirs.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ConfigError(f"mount point {point}: {done.stderr.strip() or 'fusermount3 failed'}")
        return receive_fds(ours, 1)[1][0]


def _others_are_allowed() -> bool:
    """Whether fusermount3 lets users mount for others: it refuses the whole mount otherwise."""
    try:
        lines = Path("/etc/fuse.conf").read_text().splitlines()
    except OSError:
        return False
    return any(line.strip() == "user_allow_other" for line in lines)


def receive_fds(channel: socket.socket, count: int) -> tuple[bytes, list[int]]:
    """A message and the descriptors that came with it; they are not inherited by children."""
    fds = array.array("i")
    message, ancillary, _, _ = channel.recvmsg(65536, socket.CMSG_LEN(count * fds.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    for fd in fds:
        os.set_inheritable(fd, False)
    return message, list(fds)


def umount(point: Path, *, lazy: bool = False, force: bool = False) -> None:
    """Detach; EBUSY while it is in use, unless lazy. Raises OSError."""
    if os.geteuid() == 0:
        flags = (_MNT_DETACH if lazy else 0) | (_MNT_FORCE if force else 0)
        _call("umount2", os.fsencode(point), ctypes.c_int(flags))
        return
    program = shutil.which("fusermount3") or "fusermount3"
    arguments = [program, "-u", *(["-z"] if lazy else []), "--", str(point)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.EBUSY, done.stderr.strip() or "fusermount3 failed", str(point))


def find_mount(point: Path) -> Mounted | None:
    """The topmost mount at exactly this place; read from the kernel's table, nothing is touched."""
    wanted = os.path.normpath(Path.cwd() / point)  # never Path.resolve: it would look inside
    found = None
    for mounted in mounts():
        if str(mounted.point) == wanted:
            found = mounted
    return found


def mounts() -> list[Mounted]:
    """Every mount that this process sees."""
    rows = []
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        head, _, tail = line.partition(b" - ")
        fields, (kind, source, *_) = head.split(), tail.split()
        rows.append(
            Mounted(
                Path(os.fsdecode(_unescape(fields[4]))),
                int(fields[2].split(b":")[1]),
                kind.decode(),
                os.fsdecode(_unescape(source)),
            )
        )
    return rows


def abort(minor: int) -> bool:
    """Fail all requests of a connection, now and for ever; False if it could not be told so."""
    control = _CONNECTIONS / str(minor) / "abort"
    if not control.exists() and os.geteuid() == 0:
        try:
            _call("mount", b"fusectl", bytes(_CONNECTIONS), b"fusectl", ctypes.c_ulong(0), b"")
        except OSError:
            return False
    try:
        control.write_text("1")
    except OSError:
        return False
    return True


def waiting(minor: int) -> int | None:
    """How many requests the kernel waits for, if it tells."""
    try:
        return int((_CONNECTIONS / str(minor) / "waiting").read_text())
    except (OSError, ValueError):
        return None


def raise_readahead(minor: int, kib: int) -> bool:
    """Let the kernel ask for `kib` at once ahead of a reader: without it, 128. Needs root."""
    knob = Path(f"/sys/class/bdi/0:{minor}/read_ahead_kb")
    try:
        if int(knob.read_text()) < kib:
            knob.write_text(str(kib))
    except (OSError, ValueError):
        return False
    return True


def _unescape(field: bytes) -> bytes:
    """mountinfo writes blanks, tabs, newlines and backslashes as octal numbers."""
    if b"\\" not in field:
        return field
    first, *rest = field.split(b"\\")
    return first + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
