"""One version of a file's content, for reading: its blocks, and where on this node they are kept.

Made by an inode for the version it saw; never changes. Bytes are copied into the reader's buffer
from the node's file where that has them; a block that is missing is fetched, verified, kept and copied.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from dffs.cache.cachedfile import CachedFile
from dffs.cache.loose import LooseBlocks
from dffs.cache.swarmkept import SwarmKept
from dffs.meta.types import HOLE_BLOCK, Block
from dffs.vfs.parts import Parts
from dffs.vfs.patterns import ModelLayout, detect
from dffs.vfs.readahead import Readahead

_FILLERS = 4
#: Smaller files are not worth the daemon's attention.
_SWARM_BYTES = 8 << 20


class Content:
    """Thread-safe. `digest` is "sha256:…" of the whole if the metadata know it."""

    def __init__(
        self, blocks: Sequence[Block], size_bytes: int, parts: Parts, *, digest: str = ""
    ) -> None:
        self._block_bytes = parts.block_bytes
        count = -(-size_bytes // self._block_bytes)
        self.blocks = [*blocks[:count], *[HOLE_BLOCK] * (count - len(blocks))]
        self.size_bytes = size_bytes
        self.digest = digest
        self._parts = parts
        self._lock = threading.Lock()
        self._cached: CachedFile | SwarmKept | None = None
        self._opened = False
        #: Somebody reads: what is fetched ahead goes on.
        self._active = False
        self._read_before = False
        ahead_bytes = parts.cache.ahead_bytes(parts.policy.max_readahead_bytes)
        window = ahead_bytes // self._block_bytes
        self._ahead = Readahead(self._block_bytes, count, max_window=window)
        self._layout: ModelLayout | None = None
        self._fill: list[int] | None = None
        self._loose = LooseBlocks(parts.cache)

    def changed(self, changes: Mapping[int, Block], size_bytes: int) -> Content:
        """The content after some blocks were written."""
        blocks = list(self.blocks)
        top = max(changes, default=-1)
        blocks += [HOLE_BLOCK] * (top + 1 - len(blocks))
        for index, block in changes.items():
            blocks[index] = block
        return Content(blocks, size_bytes, self._parts)

    def block(self, index: int) -> Block:
        """The row of a block; a hole past the end."""
        return self.blocks[index] if index < len(self.blocks) else HOLE_BLOCK

    # --- reading ------------------------------------------------------------------------------

    def read_into(self, offset: int, view: memoryview) -> int:
        """Bytes up to the end of the content; how many there were."""
        view = view[: max(self.size_bytes - offset, 0)]
        if not len(view):
            return 0
        self._active = True
        cached = self._file()
        if cached is not None and cached.complete:
            return cached.read_into(offset, view)
        self._advise(offset, len(view))
        at = 0
        while at < len(view):
            index, start = divmod(offset + at, self._block_bytes)
            part = view[at : at + self._block_bytes - start]
            self._read_block(cached, index, start, part)
            at += len(part)
        return at

    def pread(self, offset: int, size: int) -> bytes | None:
        """Bytes that are in the node's file already; None if some of them are not."""
        cached = self._cached
        if cached is None or offset >= self.size_bytes:
            return None
        size = min(size, self.size_bytes - offset)
        if not cached.complete:
            last = (offset + size - 1) // self._block_bytes
            if not all(cached.have[offset // self._block_bytes : last + 1]):
                return self._pread_loose(offset, size)
            self._advise(offset, size)
        data = cached.pread(size, offset)
        return data if len(data) == size else None

    def _pread_loose(self, offset: int, size: int) -> bytes | None:
        index, start = divmod(offset, self._block_bytes)
        if start + size > self._extent(index):
            return None
        blob = self._loose.find(index, self.blocks[index], self._extent(index))
        if blob is None:
            return None
        self._active = True
        self._advise(offset, size)
        data = self._loose.pread(blob, start, size)
        return data if len(data) == size else None

    def _read_block(
        self, cached: CachedFile | SwarmKept | None, index: int, start: int, part: memoryview
    ) -> None:
        data: memoryview | None = None
        if cached is None or not cached.have[index]:
            if self._read_loose(index, start, part):
                return
            data = self.bring(index)
        kept = cached if data is None and cached is not None and cached.have[index] else None
        at = index * self._block_bytes + start
        if kept is not None and kept.read_into(at, part) == len(part):
            return
        if data is None:  # kept by a reader of another file, or the disk or the daemon has failed
            data = self._parts.fetcher.block(self.blocks[index])[: self.blocks[index].length_bytes]
        data = data[start : start + len(part)]
        part[: len(data)] = data
        if len(data) < len(part):
            part[len(data) :] = bytes(len(part) - len(data))

    def _read_loose(self, index: int, start: int, part: memoryview) -> bool:
        blob = self._loose.find(index, self.blocks[index], self._extent(index))
        return blob is not None and self._loose.read_into(blob, start, part)

    def bring(self, index: int) -> memoryview | None:
        """Get a block of the file onto this node. Its bytes if they came from elsewhere, or cannot
        be kept; None if they are in the node's file and were not looked at."""
        block = self.blocks[index]
        cached = self._file()
        if block.is_hole:
            if cached is not None:
                cached.put(index, memoryview(b""), self._extent(index))
            return memoryview(b"")
        data = self._parts.fetcher.into(
            block,
            partial(self._adopt, cached, index, block),
            partial(self._keep, cached, index, block),
        )
        if data is None:
            return None
        if cached is not None and not cached.have[index]:
            self._keep(cached, index, block, data)
        if index == 0 and self._layout is None:
            self._layout = detect(data, self.size_bytes)
        return data[: block.length_bytes]

    def _adopt(self, cached: CachedFile | SwarmKept | None, index: int, block: Block) -> bool:
        if cached is None or cached.broken:
            return False
        if cached.have[index]:
            return True
        if isinstance(cached, SwarmKept):
            if not cached.fetch(index, block):
                return False
            self._parts.counters.add("swarm_bytes", block.stored_bytes)
            return True
        if not self._parts.cache.adopt(block, cached, index, self._extent(index)):
            return False
        self._parts.counters.add("cache_bytes", block.stored_bytes)
        return True

    def _keep(
        self, cached: CachedFile | SwarmKept | None, index: int, block: Block, data: memoryview
    ) -> None:
        if cached is None or cached.broken or isinstance(cached, SwarmKept):
            self._parts.cache.put(block.digest, data)
            return
        cached.put(index, data[: block.length_bytes], self._extent(index))
        if block.length_bytes == block.stored_bytes and cached.have[index]:
            self._parts.cache.placed(block.digest, cached, index)

    def _extent(self, index: int) -> int:
        return min(self._block_bytes, self.size_bytes - index * self._block_bytes)

    # --- ahead of need ------------------------------------------------------------------------

    def _advise(self, offset: int, size: int) -> None:
        with self._lock:
            wanted = self._ahead.on_read(offset, size)
            layout = self._layout
            fills = layout is not None and self._fill is None and offset >= layout.data_start
            if layout is not None and fills:
                order = layout.order_from(offset, self._block_bytes, len(self.blocks))
                self._fill = order[::-1]
        for index in wanted:
            if not self._here(index) and not self._parts.fetcher.ahead(
                partial(self._bring_ahead, index)
            ):
                break
        if fills and self._cached is not None:
            for _ in range(_FILLERS):
                self._parts.fetcher.ahead(self._fill_one)

    def _bring_ahead(self, index: int) -> None:
        if self._active and not self._here(index):
            self.bring(index)

    def _fill_one(self) -> None:
        """A loader is at work on a model: bring the next block it will want, and so on."""
        while self._active:
            with self._lock:
                index = self._fill.pop() if self._fill else None
            if index is None:
                return
            if not self._here(index):
                self.bring(index)
                self._parts.fetcher.ahead(self._fill_one)
                return

    def _here(self, index: int) -> bool:
        cached, block = self._cached, self.blocks[index]
        if cached is not None and not cached.broken and cached.have[index]:
            return True
        if self._loose.find(index, block, self._extent(index)) is not None:
            return True
        in_memory = self._parts.cache.memory.get(block.digest) is not None
        return (cached is None or cached.broken) and (block.is_hole or in_memory)

    # --- where it is kept ---------------------------------------------------------------------

    def _file(self) -> CachedFile | SwarmKept | None:
        cached = self._cached
        if self._opened and not (isinstance(cached, SwarmKept) and cached.broken):
            return cached
        with self._lock:
            if isinstance(self._cached, SwarmKept) and self._cached.broken:
                # The daemon has failed: from here on the object store fills a file of our own.
                self._cached.close()
                self._cached = self._own_file()
            elif not self._opened:
                self._cached = self._complete_file() or self._swarm_file() or self._own_file()
                self._opened = True
            return self._cached

    def _own_file(self) -> CachedFile | None:
        return self._parts.cache.file(self.blocks, self.size_bytes, self._block_bytes)

    def _complete_file(self) -> CachedFile | None:
        return self._parts.cache.complete_file(self.blocks, self.size_bytes, self._block_bytes)

    def _swarm_file(self) -> SwarmKept | None:
        swarm = self._parts.swarm
        if swarm is None or not self.digest or self.size_bytes < _SWARM_BYTES or self._held_here():
            return None
        source = swarm.open(self.digest, self.size_bytes)
        return None if source is None else SwarmKept(source, self.size_bytes, self._block_bytes)

    def _held_here(self) -> bool:
        """It was written here, or a good part of it is here from before: no need to ask anybody."""
        cache = self._parts.cache
        held = cache.held_bytes(self.blocks, self.size_bytes, self._block_bytes)
        return 2 * held > self.size_bytes

    @property
    def scattered(self) -> bool:
        """Blocks were read that are on this node and not in the file's place: see assemble()."""
        return self._loose.used

    def assemble(self, stop: Callable[[], bool]) -> None:
        """Put blocks that are on this node into the file's place there.

        Ends at one that is not, and leaves the disk and the processors to the first who reads the
        file: it is called again when that reader has closed it.
        """
        cached = self._own_file()
        if cached is None:
            return
        try:
            for index, block in enumerate(self.blocks):
                if cached.have[index]:
                    continue
                if (self._active and not self._read_before) or stop() or cached.broken:
                    return
                if block.is_hole:
                    cached.put(index, memoryview(b""), self._extent(index))
                elif not self._parts.cache.adopt(block, cached, index, self._extent(index)):
                    return
            self._loose.used = False
        finally:
            self._parts.cache.let_go(cached)

    def complete_fd(self) -> int | None:
        """A descriptor of a local file with exactly this content, if there is one already."""
        if not self._opened and self.size_bytes:
            with self._lock:
                if not self._opened:
                    self._cached = self._complete_file() or self._complete_at_daemon()
                    self._opened = self._cached is not None
        cached = self._cached
        return cached.fd if cached is not None and cached.complete else None

    def _complete_at_daemon(self) -> SwarmKept | None:
        kept = self._swarm_file()
        return kept if kept is not None and kept.complete else None

    def park(self) -> None:
        """Nobody reads for now: let the node's file go, so that it may be evicted."""
        with self._lock:
            self._read_before = self._read_before or self._active
            self._active = False
            cached, self._cached, self._opened = self._cached, None, False
            self._fill = None
            self._loose.clear()
        if isinstance(cached, CachedFile):
            self._parts.cache.let_go(cached)
        elif cached is not None:
            cached.close()
