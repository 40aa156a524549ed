"""Brings blocks: from the node's cache, from the swarm, from the object store; each one once.

Shared by all contents of a process. Who needs a block now fetches it on its own thread; what will be
needed is fetched by a pool, whose queue is bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from dffs.blocks.store import BlockStore
from dffs.cache.node import NodeCache
from dffs.meta.types import Block
from dffs.vfs.metrics import Counters
from dfinfra.logs import get_logger

_log = get_logger("dffs")

#: Keeps a block's bytes.
Keep = Callable[[memoryview], None]


class Fetcher:
    """`threads` fetches ahead of need at once, `queue` more may wait."""

    def __init__(
        self,
        blocks: BlockStore,
        cache: NodeCache,
        counters: Counters,
        *,
        threads: int,
        queue: int,
    ) -> None:
        self._blocks = blocks
        self.cache = cache
        self._counters = counters
        self._lock = threading.Lock()
        self._running: dict[bytes, Future[memoryview | None]] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dffs-fetch")
        self._places = threading.BoundedSemaphore(threads + queue)

    def block(self, block: Block) -> memoryview:
        """The stored bytes of a block, on this thread unless another one is at it already."""
        data = self.once(block, lambda: self._bring(block))
        # Somebody put it into a file meanwhile; it is in the cache.
        return self._bring(block) if data is None else data

    def into(
        self,
        block: Block,
        adopt: Callable[[], bool],
        keep: Keep,
    ) -> memoryview | None:
        """Bring a block to where it is kept: `adopt` copies it there if it is on this node, else it
        is fetched and given to `keep`. Its bytes if they were fetched."""

        def bring() -> memoryview | None:
            if adopt():
                return None
            data = self._bring(block)
            keep(data)
            return data

        return self.once(block, bring)

    def once(self, block: Block, bring: Callable[[], memoryview | None]) -> memoryview | None:
        """What `bring` returns, called by one thread at a time for a block: others wait for it."""
        with self._lock:
            running = self._running.get(block.digest)
            if running is None:
                mine: Future[memoryview | None] = Future()
                self._running[block.digest] = mine
        if running is not None:
            return running.result()
        try:
            data = bring()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(data)
            return data
        finally:
            with self._lock:
                self._running.pop(block.digest, None)

    def _bring(self, block: Block) -> memoryview:
        held = self.cache.get(block)
        if held is not None:
            self._counters.add("cache_bytes", len(held))
            return held
        data = self._blocks.get(block.digest, block.stored_bytes)
        self._counters.add("object_bytes", len(data))
        return data

    def ahead(self, work: Callable[[], None]) -> bool:
        """Do work in the pool; False if too much waits already."""
        if not self._places.acquire(blocking=False):
            return False
        try:
            self._pool.submit(self._ahead, work)
        except RuntimeError:  # closing
            self._places.release()
            return False
        return True

    def _ahead(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # the reader that needs the block meets the error itself
            _log.info("read ahead failed", reason=str(error))
        finally:
            self._places.release()

    def close(self) -> None:
        """What has not begun is dropped; what runs is waited for."""
        self._pool.shutdown(wait=True, cancel_futures=True)
