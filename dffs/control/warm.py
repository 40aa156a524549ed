"""Brings files of a volume to this node before they are needed, tells what is here, or lets go of it.

Reading goes the usual way (memory, store, peers, object store), so that nodes that warm up the same
model at the same time share what each of them fetches.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any

from dfcore.errors import BadInput, MeganeuraError
from dffs.control.reports import held_bytes, rows_of
from dffs.meta.types import ROOT_CALLER, Attr, FileKind
from dffs.tree import Tree
from dffs.volume import Volume
from dfinfra.logs import get_logger

_READ_BYTES = 4 << 20
_TELL_S = 0.5
ACTIONS = ("fetch", "check", "evict")
_log = get_logger("warmup")


@dataclass
class Warmed:
    """What a warm-up did."""

    files: int = 0
    size_bytes: int = 0
    held_bytes: int = 0
    fetched_bytes: int = 0
    evicted_bytes: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the wire."""
        return asdict(self)


class Warmer:
    """One warm-up; `run` once."""

    def __init__(self, volume: Volume, tree: Tree, threads: int) -> None:
        self._volume = volume
        self._tree = tree
        self._threads = max(1, min(threads, 64))
        self._lock = threading.Lock()
        self._seen: set[int] = set()
        self.outcome = Warmed()

    def run(self, paths: list[str], action: str) -> Generator[dict[str, Any], None, None]:
        """Do it, telling now and then how far it is."""
        if action not in ACTIONS:
            raise BadInput(f"{action!r}: {', '.join(ACTIONS)} are the actions")
        work = {"fetch": self._fetch, "check": self._check, "evict": self._evict}[action]
        running: set[Future[None]] = set()
        told = time.monotonic()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="warmup") as pool:
            for attr in self._files(paths):
                running.add(pool.submit(self._guarded, work, attr))
                while len(running) >= 2 * self._threads or time.monotonic() - told > _TELL_S:
                    done, running = wait(running, _TELL_S, FIRST_COMPLETED)
                    _raise(done)
                    told = time.monotonic()
                    yield self.outcome.as_json()
            while running:
                done, running = wait(running, _TELL_S, FIRST_COMPLETED)
                _raise(done)
                yield self.outcome.as_json()

    def run_alone(self, paths: list[str]) -> None:
        """Fetch, with nobody who waits for the outcome but the log."""
        try:
            for _ in self.run(paths, "fetch"):
                pass
            _log.info("warmed up", paths=paths, **self.outcome.as_json())
        except (OSError, MeganeuraError, RuntimeError) as error:
            # RuntimeError: the mount ended, its pools take no more work.
            _log.warning("warm-up ended early", paths=paths, reason=str(error))

    def _files(self, paths: list[str]) -> Iterator[Attr]:
        for path in paths:
            top = self._tree.stat(path)
            if top.kind is FileKind.FILE:
                yield from self._new(top)
                continue
            for name, attr in self._tree.walk(path):
                if attr.kind is FileKind.SYMLINK:
                    led = self._tree.find(f"{path}/{name}")
                    if led is not None and led.kind is FileKind.FILE:
                        yield from self._new(led)
                elif attr.kind is FileKind.FILE:
                    yield from self._new(attr)

    def _new(self, attr: Attr) -> Iterator[Attr]:
        """A file that was not met yet under another name."""
        if attr.ino not in self._seen:
            self._seen.add(attr.ino)
            self.outcome.files += 1
            self.outcome.size_bytes += attr.size_bytes
            yield attr

    def _guarded(self, work: Any, attr: Attr) -> None:
        try:
            work(attr)
        except (OSError, MeganeuraError) as error:
            _log.warning("file is not warmed up", ino=attr.ino, reason=str(error))
            with self._lock:
                self.outcome.failed += 1

    def _check(self, attr: Attr) -> None:
        held = held_bytes(self._volume, attr)
        with self._lock:
            self.outcome.held_bytes += held

    def _evict(self, attr: Attr) -> None:
        if self._tree.caller.uid not in (0, os.geteuid(), attr.uid):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        rows = list(rows_of(self._volume, attr))
        size = self._volume.blocks.block_size_bytes
        freed = self._volume.cache.evict(rows, attr.size_bytes, size)
        with self._lock:
            self.outcome.evicted_bytes += freed

    def _fetch(self, attr: Attr) -> None:
        held = held_bytes(self._volume, attr)
        with self._lock:
            self.outcome.held_bytes += held
        if held == attr.size_bytes:
            return
        self._tree.meta.access(self._tree.caller, attr.ino, os.R_OK)
        handle = self._volume.files.open(ROOT_CALLER, attr.ino, os.O_RDONLY)
        buffer = memoryview(bytearray(_READ_BYTES))
        try:
            offset = 0
            while offset < attr.size_bytes:
                got = handle.read_into(offset, buffer)
                if not got:
                    break
                offset += got
                with self._lock:
                    self.outcome.fetched_bytes += got
        finally:
            handle.release()


def _raise(done: set[Future[None]]) -> None:
    for one in done:
        one.result()
