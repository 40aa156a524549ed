"""What all open files of a process share, and the numbers that bound them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dffs.blocks.store import BlockStore
from dffs.cache.node import NodeCache
from dffs.cache.staging import Staging
from dffs.meta.api import MetaApi
from dffs.vfs.budget import Budget, BufferPool
from dffs.vfs.fetcher import Fetcher
from dffs.vfs.metrics import Counters
from dffs.vfs.swarm import Swarm

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FilesPolicy:
    """Bounds of the files of one process.

    `buffer_bytes` bounds what waits to be uploaded; `max_readahead_bytes` how far ahead of a reader is
    fetched. `cache_writes` keeps written blocks on the node; `file_digests` computes the digest of files
    written from beginning to end, by which the swarm knows them. For `open_cache_s` seconds a file is
    opened for reading again without a question to the engine; of `open_cache_limit` files at most.
    """

    buffer_bytes: int = 300 * MIB
    max_uploads: int = 20
    max_downloads: int = 8
    max_readahead_bytes: int = 128 * MIB
    cache_writes: bool = True
    file_digests: bool = True
    read_only: bool = False
    open_cache_s: float = 0.0
    open_cache_limit: int = 10_000


@dataclass(frozen=True, slots=True)
class Parts:
    """Given to every inode."""

    meta: MetaApi
    blocks: BlockStore
    cache: NodeCache
    fetcher: Fetcher
    swarm: Swarm | None
    staging: Staging | None
    uploads: ThreadPoolExecutor
    hashing: ThreadPoolExecutor
    budget: Budget
    pool: BufferPool
    policy: FilesPolicy
    counters: Counters

    @property
    def block_bytes(self) -> int:
        """Length of a block of this volume."""
        return self.blocks.block_size_bytes
