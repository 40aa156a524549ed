"""A folder of a shared mount, shown to one pod by a bind mount. Blocking; needs root."""

from __future__ import annotations

from pathlib import Path

from dfkube.csi import mounttable
from dfkube.csi.commands import run

_TIMEOUT_S = 20.0


def bind(source: Path, target: Path, *, read_only: bool) -> None:
    """Show ``source`` at ``target``, which is made. Raises CommandFailed."""
    target.mkdir(mode=0o750, parents=True, exist_ok=True)
    run(["mount", "--bind", str(source), str(target)], timeout_s=_TIMEOUT_S)
    # The flags of a bind mount are its own only when it is mounted again.
    flags = "remount,bind,nosuid,nodev" + (",ro" if read_only else "")
    try:
        run(["mount", "-o", flags, str(target)], timeout_s=_TIMEOUT_S)
    except Exception:
        unbind(target)
        raise


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
