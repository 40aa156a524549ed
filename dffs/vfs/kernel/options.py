"""What a mount can be told. The commands fill it from flags; everything here reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from dffs.fuse.wire import Ttl

_NS = 1_000_000_000
# The kernel counts in its own ticks and would overflow beyond this.
_LONGEST_S = 10 * 365 * 86400


@dataclass(frozen=True, slots=True)
class CacheTimes:
    """How long the kernel may believe what it was told, in seconds.

    Others' changes are seen after that time at the latest; our own are known to the kernel at once.
    """

    attr_s: float = 1.0
    entry_s: float = 1.0
    dir_entry_s: float = 1.0
    negative_entry_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Squash:
    """Whose rights count: everybody (`everybody`) or only root acts as `uid` and `gid`."""

    uid: int = 65534
    gid: int = 65534
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """One mount. Sizes in bytes, times in seconds."""

    cache: CacheTimes = field(default_factory=CacheTimes)
    read_only: bool = False
    subdir: str = ""
    xattr: bool = True
    acl: bool = False
    atime: bool = False
    squash: Squash | None = None
    passthrough: bool = True
    max_io_bytes: int = 1 << 20
    readahead_kib: int = 1024
    idle_threads: int = 8
    max_threads: int = 128
    allow_other: bool = True
    no_suid: bool = False
    no_dev: bool = False
    no_exec: bool = False


def ttl(seconds: float) -> Ttl:
    """Seconds as the kernel wants them."""
    whole = int(min(max(seconds, 0.0), _LONGEST_S))
    return whole, int((seconds - whole) * _NS) if seconds < _LONGEST_S else 0
