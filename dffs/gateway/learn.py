"""Learns the digest of a file that was put together from parts, after the client has its answer.

Files written from beginning to end have theirs at once; one of many parts must be read for it. With the
digest the swarm knows the file, and the next upload of the same bytes need not be sent. One
thread, one file at a time; what is left when the process ends is learnt by nobody.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading

from dfcore.errors import MeganeuraError
from dffs.tree import Tree
from dfinfra.logs import get_logger

_MOST_WAITING = 1000
_READ_BYTES = 4 << 20
_log = get_logger("gateway")


class Learner:
    """Started and stopped with the gateway."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._waiting: queue.Queue[int | None] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="gateway-digests", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, in the middle of a file if need be. Blocks until it has ended."""
        if self._thread is None:
            return
        self._stopping.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            pass  # it looks after each file
        self._thread.join()

    def add(self, ino: int) -> None:
        """A file was completed. Dropped where too many wait."""
        try:
            self._waiting.put_nowait(ino)
        except queue.Full:
            _log.info("a file's digest stays unknown, too many wait", ino=ino)

    def _run(self) -> None:
        while not self._stopping.is_set():
            ino = self._waiting.get()
            if ino is None:
                return
            try:
                self._learn(ino)
            except (OSError, MeganeuraError) as error:
                _log.info("a file's digest stays unknown", ino=ino, reason=str(error))

    def _learn(self, ino: int) -> None:
        handle = self._tree.files.open(self._tree.caller, ino, os.O_RDONLY)
        try:
            attr, hasher, offset = handle.attr, hashlib.sha256(), 0
            buffer = memoryview(bytearray(_READ_BYTES))
            while offset < attr.size_bytes and not self._stopping.is_set():
                got = handle.read_into(offset, buffer)
                if not got:
                    return
                hasher.update(buffer[:got])
                offset += got
            if offset == attr.size_bytes:
                digest = f"sha256:{hasher.hexdigest()}"
                self._tree.meta.set_content(ino, attr.version, digest)
        finally:
            handle.release()
