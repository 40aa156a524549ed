"""Reads blocks back from the object store and compares them with their digests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from dfcore.errors import MeganeuraError
from dffs.blocks.store import BlockLost
from dffs.meta.types import Block, FileKind
from dffs.tree import Tree
from dffs.upkeep.objects import rows, uses
from dffs.volume import Volume

_IN_FLIGHT_PER_THREAD = 2


@dataclass
class Verified:
    """What was read. `damaged`: digests whose bytes cannot be had; `unread`: could not be asked for."""

    blocks: int = 0
    size_bytes: int = 0
    damaged: list[bytes] = field(default_factory=list)
    repaired: int = 0
    unread: list[str] = field(default_factory=list)


class Verifier:
    """One verification."""

    def __init__(self, volume: Volume, threads: int, *, repair: bool = False) -> None:
        self._volume = volume
        self._threads = threads
        self._repair = repair
        self._lock = threading.Lock()
        self.outcome = Verified()

    def run(self, blocks: Iterable[Block], tell: Callable[[Verified], None]) -> Verified:
        """Read them, `threads` at a time."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="verify") as pool:
            for block in blocks:
                running.add(pool.submit(self._one, block))
                if len(running) >= self._threads * _IN_FLIGHT_PER_THREAD:
                    running = _some(running)
                    tell(self.outcome)
            while running:
                running = _some(running)
                tell(self.outcome)
        return self.outcome

    def _one(self, block: Block) -> None:
        try:
            size = len(self._volume.blocks.get(block.digest, block.stored_bytes or None))
        except BlockLost:
            self._lost(block)
        except MeganeuraError as error:
            with self._lock:
                self.outcome.unread.append(f"{block.digest.hex()}: {error}")
        else:
            with self._lock:
                self.outcome.blocks += 1
                self.outcome.size_bytes += size

    def _lost(self, block: Block) -> None:
        held = self._volume.cache.get(block) if self._repair else None
        if held is not None:
            self._volume.blocks.replace(block.digest, held)
        with self._lock:
            if held is None:
                self.outcome.damaged.append(block.digest)
            else:
                self.outcome.repaired += 1


def _some(running: set[Future[None]]) -> set[Future[None]]:
    done, left = wait(running, return_when=FIRST_COMPLETED)
    for one in done:
        one.result()
    return left


def all_blocks(volume: Volume) -> Iterator[Block]:
    """Every block that some file names."""
    for use in uses(volume):
        if use.references:
            yield Block.whole(use.digest, use.stored_bytes)


def blocks_below(volume: Volume, path: str) -> Iterator[Block]:
    """Every distinct block of the files at or below a path."""
    tree = Tree(volume.meta, volume.files)
    top = tree.stat(path)
    files = [top] if top.kind is not FileKind.DIRECTORY else None
    seen: set[bytes] = set()
    for attr in files if files is not None else (attr for _, attr in tree.walk(path)):
        if attr.kind is not FileKind.FILE:
            continue
        for row in rows(volume, attr):
            if not row.is_hole and row.digest not in seen:
                seen.add(row.digest)
                yield row
