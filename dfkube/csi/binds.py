"""A folder of a shared mount, shown to one pod by a bind mount. Blocking; needs root."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dfkube.csi import mounttable
from dfkube.csi.commands import run

_TIMEOUT_S = 20.0


def bind(source: Path, target: Path, *, read_only: bool) -> None:
    """Show ``source`` at ``target``: a folder that is made, or over what is mounted there already.

    A mount propagates to the node, and from there to the pod, with the flags that it has at that moment,
    and does not change there later. So it is made aside, and shown when it is as it must be. Over a dead
    mount, since pods see what is mounted upon what they see, never what takes its place. Raises
    CommandFailed.
    """
    if not mounttable.layers(target):
        target.mkdir(mode=0o750, parents=True, exist_ok=True)
    flags = "remount,bind,nosuid,nodev" + (",ro" if read_only else "")
    aside = Path(tempfile.mkdtemp(prefix="dfcsi-"))
    try:
        run(["mount", "--bind", str(source), str(aside)], timeout_s=_TIMEOUT_S)
        try:
            run(["mount", "-o", flags, str(aside)], timeout_s=_TIMEOUT_S)
            # Not canonicalized: nobody looks into what is mounted there now.
            command = ["mount", "--no-canonicalize", "--bind", str(aside), str(target)]
            run(command, timeout_s=_TIMEOUT_S)
        finally:
            run(["umount", str(aside)], timeout_s=_TIMEOUT_S)
    finally:
        aside.rmdir()


def is_bound(target: Path) -> bool:
    """Whether something is mounted there that answers."""
    return mounttable.layers(target) > 0 and mounttable.answers(target)


def unbind(target: Path) -> None:
    """Take away whatever is mounted at the target, however often, and the folder itself."""
    for _ in range(mounttable.layers(target)):
        # Lazily: a pod that still has a file open keeps it, and nobody waits for a dead server.
        run(["umount", "--lazy", str(target)], timeout_s=_TIMEOUT_S)
    try:
        target.rmdir()
    except FileNotFoundError:
        pass
