"""How a process uses a volume: caches, bounds, limits, credentials. Chosen by flags, never stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dffs.blocks.retry import RetryPolicy
from dffs.object.remote import Timeouts
from dffs.vfs.parts import FilesPolicy

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """The node's cache: directories on one or several disks; none keeps blocks in memory only.

    `encrypt` keeps blocks on the disks as they are in the object store; for encrypted volumes.
    """

    dirs: tuple[Path, ...] = ()
    size_bytes: int = 100 * GIB
    free_ratio: float = 0.1
    memory_bytes: int = 64 << 20
    encrypt: bool = False


@dataclass(frozen=True, slots=True)
class VolumeOptions:
    """Everything about one opening of a volume.

    `session` registers the client with the engine, which open files and locks need. `background` also
    deletes dead blocks and keeps house for the volume, as a mount does. With `writeback` closed files
    are kept on this node and published in the background. Rates 0 are those of the volume.
    `daemon_socket` is the unix socket of the node's dfdaemon; None looks for none.
    """

    cache: CacheOptions = field(default_factory=CacheOptions)
    files: FilesPolicy = field(default_factory=FilesPolicy)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    passphrase: bytes = field(default=b"", repr=False)
    upload_limit_bytes_s: int = 0
    download_limit_bytes_s: int = 0
    read_only: bool = False
    atime_mode: str = "noatime"
    session: bool = True
    background: bool = False
    writeback: bool = False
    mount_point: str = ""
    daemon_socket: Path | None = None
