"""--writeback: files are promised when they are closed, and published in the background.

One thread publishes, file by file, and tries again for as long as the object store is away. Until then
the inode stays in this process, so that this node sees what was written.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable

from dfcore.backoff import Backoff
from dfcore.errors import MeganeuraError
from dffs.cache.staging import Promise, Staging
from dffs.meta.types import MetaError
from dffs.vfs.inode import Inode
from dffs.vfs.parts import Parts
from dffs.vfs.upload import store_block
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_BACKOFF = Backoff(base_s=0.5, cap_s=30.0)


class Publisher:
    """`published` is told each inode that is committed."""

    def __init__(self, published: Callable[[Inode], None]) -> None:
        self._published = published
        self._waiting: deque[Inode] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._random = random.Random()
        self._thread = threading.Thread(target=self._run, name="dffs-publish", daemon=True)
        self._thread.start()

    def enqueue(self, inode: Inode) -> None:
        """Publish it soon."""
        with self._changed:
            if inode not in self._waiting:
                self._waiting.append(inode)
                self._changed.notify_all()

    def _run(self) -> None:
        attempt = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                inode = self._waiting[0]
            try:
                inode.publish()
            except OSError as error:
                _log.warning("not published yet", ino=inode.ino, reason=str(error))
                delay_s = _BACKOFF.delay_s(attempt, self._random)
                attempt += 1
                with self._changed:
                    if self._changed.wait_for(lambda: self._closing, delay_s):
                        return  # the promise stays for the next mount
                    self._waiting.rotate(-1)
                continue
            attempt = 0
            with self._changed:
                self._waiting.remove(inode)
            self._published(inode)

    def close(self) -> None:
        """Publish what waits; what cannot be published now stays promised."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()


def keep_promises(parts: Parts, staging: Staging) -> int:
    """Publish what a crash has left; how many files."""
    count = 0
    for promise in staging.promises():
        try:
            _keep(parts, promise)
        except (MeganeuraError, OSError) as error:
            staging.set_aside(promise, str(error))
            continue
        staging.kept(promise.ino)
        count += 1
    if count:
        _log.info("files that were written before a crash are published", files=count)
    return count


def _keep(parts: Parts, promise: Promise) -> None:
    for block in promise.blocks.values():
        data = parts.cache.get(block)
        store_block(parts, parts.blocks.get(block.digest) if data is None else data)
    attr = parts.meta.getattr(promise.ino)
    if attr.version != promise.base:
        raise MetaError(0, f"the file is at version {attr.version}, not {promise.base}")
    parts.meta.write_blocks(
        promise.ino,
        promise.blocks,
        size_bytes=promise.size_bytes,
        mtime_ns=promise.mtime_ns,
        expect_version=promise.base,
    )
