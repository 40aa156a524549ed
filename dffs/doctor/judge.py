"""From facts to findings. Pure: a fact that could not be learnt is None, and judged by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from dfcore.quantities import format_size


class Level(Enum):
    """How much a finding matters."""

    GOOD = "ok"
    HINT = "hint"
    SLOW = "SLOW"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, and what to do about it."""

    level: Level
    subject: str
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file that a load reads."""

    path: str
    size_bytes: int
    cached_bytes: int | None = None
    safetensors: bool = False


@dataclass(frozen=True, slots=True)
class Faults:
    """Page faults and reads of a process over some seconds."""

    pid: int
    major_faults_per_s: float
    read_bytes_per_s: float
    mapped_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What was learnt of one mount."""

    kernel: tuple[int, int] | None = None
    is_root_mount: bool | None = None
    passthrough_wanted: bool | None = None
    passthrough_files: float | None = None
    read_ahead_kib: int | None = None
    engine_ms: float | None = None
    engine: str = ""
    object_ms: float | None = None
    attr_cache_s: float | None = None
    cache_dirs: tuple[str, ...] | None = None
    cache_free_ratio: float | None = None
    daemon: bool | None = None
    requests_per_s: float | None = None
    object_bytes_per_s: float | None = None
    cache_on_network: bool | None = None
    memory_limit_bytes: int | None = None
    files: tuple[FileFacts, ...] = ()
    faults: Faults | None = None
    problems: tuple[str, ...] = field(default_factory=tuple)


_PASSTHROUGH_SINCE = (6, 9)
_GOOD_READAHEAD_KIB = 1024
_SLOW_ENGINE_MS = 5.0
_BAD_ENGINE_MS = 50.0
_SLOW_STORE_MS = 200.0
_MANY_FAULTS = 500.0


def judge(facts: Facts) -> list[Finding]:
    """All findings, what matters most first."""
    found = [*_kernel(facts), *_engine(facts), *_cache(facts), *_files(facts), *_process(facts)]
    found += [Finding(Level.HINT, "doctor", problem) for problem in facts.problems]
    order = [Level.BAD, Level.SLOW, Level.HINT, Level.GOOD]
    return sorted(found, key=lambda one: order.index(one.level))


def _kernel(facts: Facts) -> Iterator[Finding]:
    if facts.read_ahead_kib is not None:
        if facts.read_ahead_kib < _GOOD_READAHEAD_KIB:
            yield Finding(
                Level.SLOW,
                "readahead",
                f"the kernel reads {facts.read_ahead_kib} KiB ahead: requests are that small",
                "mount as root (dffs raises it), or write 1024 to"
                " /sys/class/bdi/0:*/read_ahead_kb of the mount",
            )
        else:
            yield Finding(Level.GOOD, "readahead", f"{facts.read_ahead_kib} KiB")
    if facts.kernel is None:
        return
    version = ".".join(map(str, facts.kernel))
    if facts.kernel < _PASSTHROUGH_SINCE:
        yield Finding(
            Level.SLOW,
            "passthrough",
            f"kernel {version} has no FUSE passthrough: every read is copied through the mount",
            "a kernel of 6.9 or newer reads complete files by itself",
        )
    elif facts.passthrough_wanted is False:
        yield Finding(Level.SLOW, "passthrough", "it was switched off (--no-passthrough)")
    elif facts.is_root_mount is False:
        yield Finding(
            Level.SLOW,
            "passthrough",
            "the mount has no CAP_SYS_ADMIN: every read is copied through it",
            "mount as root, or give the process CAP_SYS_ADMIN",
        )
    else:
        yield Finding(Level.GOOD, "passthrough", f"possible (kernel {version})")


def _engine(facts: Facts) -> Iterator[Finding]:
    if facts.engine_ms is not None:
        what = f"{facts.engine or 'the engine'} answers in {facts.engine_ms:.1f} ms"
        if facts.engine_ms >= _BAD_ENGINE_MS:
            yield Finding(
                Level.BAD,
                "metadata",
                what,
                "every open and every new name waits for it: bring it nearer, look at its load",
            )
        elif facts.engine_ms >= _SLOW_ENGINE_MS:
            yield Finding(
                Level.SLOW,
                "metadata",
                what,
                "longer --attr-cache, --entry-cache and --open-cache make fewer questions",
            )
        else:
            yield Finding(Level.GOOD, "metadata", what)
    if facts.object_ms is not None:
        what = f"the object store answers in {facts.object_ms:.0f} ms"
        slow = facts.object_ms >= _SLOW_STORE_MS
        remedy = "cold reads wait for it: `dffs warmup` before the load" if slow else ""
        yield Finding(Level.SLOW if slow else Level.GOOD, "object store", what, remedy)


def _cache(facts: Facts) -> Iterator[Finding]:
    if facts.cache_dirs is not None and not facts.cache_dirs:
        yield Finding(
            Level.SLOW,
            "cache",
            "blocks are kept in memory only: no file is ever complete on this node",
            "mount with --cache-dir on a local disk",
        )
    if facts.cache_on_network:
        yield Finding(Level.SLOW, "cache", "its directory is on a network file system",
                      "--cache-dir on a local disk")  # fmt: skip
    if facts.cache_free_ratio is not None and facts.cache_free_ratio < 0.1:
        yield Finding(
            Level.SLOW,
            "cache",
            f"{100 * facts.cache_free_ratio:.0f} % of its disk is free: what is read is not kept",
            "make room, or lower --free-space-ratio",
        )
    if facts.daemon is False:
        yield Finding(
            Level.HINT,
            "swarm",
            "no dfdaemon on this node: what is missing comes from the object store alone",
            "with one, peers that have it are asked first",
        )


def _files(facts: Facts) -> Iterator[Finding]:
    cold = [one for one in facts.files if one.cached_bytes is not None
            and one.cached_bytes < one.size_bytes]  # fmt: skip
    total = sum(one.size_bytes for one in facts.files)
    if cold:
        missing = sum(one.size_bytes - (one.cached_bytes or 0) for one in cold)
        yield Finding(
            Level.SLOW,
            "cold blocks",
            f"{format_size(missing)} of {format_size(total)} in {len(cold)} files are not on this node",
            "`dffs warmup` fetches them by large parallel reads, from peers first",
        )
    elif facts.files and all(one.cached_bytes is not None for one in facts.files):
        yield Finding(Level.GOOD, "blocks", f"all {format_size(total)} are on this node")


def _process(facts: Facts) -> Iterator[Finding]:
    faults = facts.faults
    if faults is None:
        return
    if faults.major_faults_per_s >= _MANY_FAULTS:
        yield Finding(
            Level.SLOW,
            "page faults",
            f"process {faults.pid} loads by {faults.major_faults_per_s:.0f} page faults a second",
            "an mmap reads page by page: read files whole first (dffs.load.parallel_load,"
            " `dffs warmup`, vLLM's --safetensors-load-strategy eager)",
        )
    else:
        speed = format_size(faults.read_bytes_per_s)
        yield Finding(Level.GOOD, "process", f"{faults.pid} reads {speed}/s, few page faults")
