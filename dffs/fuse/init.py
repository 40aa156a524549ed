"""Negotiates a connection: what the kernel offers, what we want, what both then do. Pure.

`server` reads the INIT request and writes the reply that `negotiate` returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from dffs.fuse.wire import INIT_IN, INIT_OUT, KERNEL_MAJOR, KERNEL_MINOR

# The oldest protocol whose structures we speak (Linux 4.20: max_pages, 64 byte INIT replies).
OLDEST_MINOR = 28
MIB = 1 << 20


class Feature(IntFlag):
    """INIT flags, the first 32 and the second together."""

    ASYNC_READ = 1 << 0
    POSIX_LOCKS = 1 << 1
    ATOMIC_O_TRUNC = 1 << 3
    EXPORT_SUPPORT = 1 << 4
    BIG_WRITES = 1 << 5
    DONT_MASK = 1 << 6
    FLOCK_LOCKS = 1 << 10
    AUTO_INVAL_DATA = 1 << 12
    DO_READDIRPLUS = 1 << 13
    READDIRPLUS_AUTO = 1 << 14
    ASYNC_DIO = 1 << 15
    PARALLEL_DIROPS = 1 << 18
    HANDLE_KILLPRIV = 1 << 19
    POSIX_ACL = 1 << 20
    MAX_PAGES = 1 << 22
    CACHE_SYMLINKS = 1 << 23
    NO_OPENDIR_SUPPORT = 1 << 24
    HANDLE_KILLPRIV_V2 = 1 << 28
    SETXATTR_EXT = 1 << 29
    INIT_EXT = 1 << 30
    HAS_EXPIRE_ONLY = 1 << 35
    DIRECT_IO_ALLOW_MMAP = 1 << 36
    PASSTHROUGH = 1 << 37


# No writeback cache: it excludes passthrough, and closing a file must mean that others see it.
WANTED = (
    Feature.ASYNC_READ
    | Feature.POSIX_LOCKS
    | Feature.ATOMIC_O_TRUNC
    | Feature.EXPORT_SUPPORT
    | Feature.BIG_WRITES
    | Feature.FLOCK_LOCKS
    | Feature.AUTO_INVAL_DATA
    | Feature.DO_READDIRPLUS
    | Feature.READDIRPLUS_AUTO
    | Feature.ASYNC_DIO
    | Feature.PARALLEL_DIROPS
    | Feature.MAX_PAGES
    | Feature.CACHE_SYMLINKS
    | Feature.HANDLE_KILLPRIV_V2
    | Feature.INIT_EXT
    | Feature.HAS_EXPIRE_ONLY
    | Feature.DIRECT_IO_ALLOW_MMAP
    | Feature.PASSTHROUGH
)


class ProtocolTooOldError(OSError):
    """The kernel speaks a FUSE protocol that we do not."""


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What the server asks for. Sizes in bytes."""

    max_write_bytes: int = MIB
    max_readahead_bytes: int = MIB
    max_background: int = 64
    wanted: Feature = WANTED
    posix_acl: bool = False


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the connection does from now on."""

    minor: int
    features: Feature
    max_write_bytes: int

    @property
    def passthrough(self) -> bool:
        """Complete files may be handed to the kernel."""
        return Feature.PASSTHROUGH in self.features

    @property
    def setxattr_ext(self) -> bool:
        """SETXATTR carries eight bytes more."""
        return Feature.SETXATTR_EXT in self.features


def negotiate(request: bytes | memoryview, options: InitOptions) -> tuple[Negotiated, bytes]:
    """The connection that both sides can have, and the body of the INIT reply."""
    major, minor, readahead, flags, flags2 = INIT_IN.unpack_from(bytes(request).ljust(20, b"\0"))
    if major < KERNEL_MAJOR or (major == KERNEL_MAJOR and minor < OLDEST_MINOR):
        raise ProtocolTooOldError(
            f"the kernel speaks FUSE {major}.{minor}, we need 7.{OLDEST_MINOR}"
        )
    offered = Feature(flags)
    if Feature.INIT_EXT in offered:
        offered |= Feature(flags2 << 32)
    wanted = options.wanted
    if options.posix_acl:
        wanted |= Feature.POSIX_ACL | Feature.DONT_MASK | Feature.SETXATTR_EXT
    chosen = offered & wanted
    # The older form of the same promise, for kernels before 5.12.
    if Feature.HANDLE_KILLPRIV_V2 not in chosen:
        chosen |= offered & Feature.HANDLE_KILLPRIV
    pages = max(1, options.max_write_bytes // 4096) if Feature.MAX_PAGES in chosen else 32
    agreed = Negotiated(min(minor, KERNEL_MINOR), chosen, pages * 4096)
    return agreed, _reply(agreed, pages, min(readahead, options.max_readahead_bytes), options)


def _reply(agreed: Negotiated, pages: int, readahead: int, options: InitOptions) -> bytes:
    flags = int(agreed.features)
    return INIT_OUT.pack(
        KERNEL_MAJOR,
        agreed.minor,
        readahead,
        flags & 0xFFFFFFFF,
        options.max_background,
        options.max_background * 3 // 4,
        agreed.max_write_bytes,
        1,
        pages,
        0,
        flags >> 32,
        1 if agreed.passthrough else 0,
        0,
    )
