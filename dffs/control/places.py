"""Where the socket of a mount is, and which mount a path lies on."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
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


def runtime_dir(uid: int) -> Path:
    """Where the sockets of a user's mounts are."""
    return Path("/run/meganeura") if uid == 0 else Path(f"/tmp/meganeura-{uid}")


def socket_path(point: Path, pid: int, uid: int) -> Path:
    """The socket of one process for one mount point."""
    return runtime_dir(uid) / f"mount-{_name(point)}-{pid}.sock"


def sockets_of(point: Path) -> list[Path]:
    """Sockets that may be those of a mount, the newest first; root's before those of other users."""
    pattern = f"mount-{_name(point)}-*.sock"
    folders = [runtime_dir(0), *sorted(Path("/tmp").glob("meganeura-*"))]
    found = [path for folder in folders for path in folder.glob(pattern) if _trusted(path)]
    return sorted(found, key=lambda path: (path.stat().st_uid != 0, -path.stat().st_mtime_ns))


def _trusted(path: Path) -> bool:
    """Nobody but its owner can have put it there."""
    try:
        folder = path.parent.stat()
        return folder.st_uid == path.stat().st_uid and not folder.st_mode & 0o022
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
    return best


def _real(path: Path) -> Path:
    """The path without symbolic links, but for the last name, which may be one."""
    absolute = Path.cwd() / os.path.normpath(path)
    return Path(os.path.realpath(absolute.parent)) / absolute.name if absolute.name else absolute
