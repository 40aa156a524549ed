"""Where the socket of a mount is, and which mount a path lies on."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from dfcore.errors import NotFound
from dffs.fuse.mount import mounts

KIND = "fuse.dffs"


@dataclass(frozen=True, slots=True)
class MountedPath:
    """A path on a mount: the mount's point, and the path relative to it (text, may be empty)."""

    point: Path
    inner: str
    minor: int
    source: str
    owner: int = 0
    """The user whose process serves it."""


def runtime_dir(uid: int) -> Path:
    """Where the sockets of a user's mounts are."""
    return Path("/run/meganeura") if uid == 0 else Path(f"/tmp/meganeura-{uid}")


def socket_path(point: Path, pid: int, uid: int) -> Path:
    """The socket of one process for one mount point."""
    return runtime_dir(uid) / f"mount-{_name(point)}-{pid}.sock"


def sockets_of(point: Path, owner: int) -> list[Path]:
    """Sockets that may be those of a mount, the newest first; others' are not looked at."""
    found = runtime_dir(owner).glob(f"mount-{_name(point)}-*.sock")
    mine = [path for path in found if _is_of(path, owner)]
    return sorted(mine, key=lambda path: -path.stat().st_mtime_ns)


def _is_of(path: Path, owner: int) -> bool:
    """Nobody but the owner can have put it there."""
    try:
        folder = path.parent.stat()
        return folder.st_uid == path.stat().st_uid == owner and not folder.st_mode & 0o022
    except OSError:
        return False


def _name(point: Path) -> str:
    return hashlib.sha256(os.fsencode(point)).hexdigest()[:16]


def locate(path: Path) -> MountedPath:
    """Which mount a path lies on. NotFound if it is none of ours."""
    real = _real(path)
    best: MountedPath | None = None
    for one in mounts():
        if one.kind != KIND or not real.is_relative_to(one.point):
            continue
        if best is None or len(str(one.point)) >= len(str(best.point)):
            inner = str(real.relative_to(one.point))
            best = MountedPath(one.point, "" if inner == "." else inner, one.minor, one.source)
    if best is None:
        raise NotFound(f"{path}: not on a mount of dffs")
    return replace(best, owner=owner_of(best.minor))


def owner_of(minor: int) -> int:
    """The user who mounted a connection; the kernel knows."""
    for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines():
        if line.split()[2] == f"0:{minor}":
            owner = re.search(r"user_id=(\d+)", line)
            return int(owner[1]) if owner else 0
    return 0


def _real(path: Path) -> Path:
    """The path without symbolic links, but for the last name, which may be one."""
    absolute = Path.cwd() / os.path.normpath(path)
    return Path(os.path.realpath(absolute.parent)) / absolute.name if absolute.name else absolute
