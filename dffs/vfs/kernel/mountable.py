"""What a mount process is given to mount, and how it lets go of it. Used by `mounting`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Protocol

from dfcore.errors import MeganeuraError
from dffs.meta.api import MetaApi
from dffs.vfs.api import FilesApi
from dffs.vfs.kernel.ops import KernelOperations
from dfinfra.logs import get_logger

_log = get_logger("mount")


class MountableVolume(Protocol):
    """What is mounted: an open volume."""

    @property
    def meta(self) -> MetaApi: ...
    @property
    def files(self) -> FilesApi: ...
    def close(self) -> None: ...


def close_volume(volume: MountableVolume, ops: KernelOperations) -> None:
    """Flush and close; every step is taken whatever the one before has come to."""
    try:
        volume.files.flush_all()
    except (OSError, MeganeuraError) as error:
        _log.error("something that was written is lost", error=str(error))
    ops.stop_listing()
    for number, handle in ops.handles.items():
        ops.handles.pop(number)
        with suppress(OSError, MeganeuraError):
            ops.abandon(handle)
    try:
        volume.close()
    except (OSError, MeganeuraError) as error:
        _log.error("closing the volume failed", error=str(error))


def identity(volume: MountableVolume) -> str:
    """Tells a volume from every other one."""
    return str(json.loads(volume.meta.get_format()).get("uuid", ""))
