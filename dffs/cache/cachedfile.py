"""One file's content in the node's blob store: a sparse file whose units are the volume's blocks.

Shared by all that read this content in this process. Once every block is there it is sealed, and the
kernel may be given its descriptor.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import xxhash

from blobstore import Blob, Pin
from dfcore.errors import MeganeuraError, NotFound
from dfinfra.logs import get_logger

_log = get_logger("dffs")


class CachedFile:
    """Blocks go in once each; `complete` never becomes False again. Close it when nobody reads."""

    def __init__(self, blob: Blob, pin: Pin, on_broken: Callable[[CachedFile], None]) -> None:
        self._blob = blob
        self._pin = pin
        self._on_broken = on_broken
        self._lock = threading.Lock()
        self._users = 1
        self.size_bytes = blob.size_bytes
        self.block_bytes = blob.geometry.unit_length
        #: Read without a lock: a byte per block, 1 when it is there.
        self.have = bytearray(blob.geometry.unit_count)
        for unit in blob.held.iter_set():
            self.have[unit] = 1
        self._left = len(self.have) - sum(self.have)
        self.complete = blob.complete
        self.broken = False
        self.fd = blob.fileno()
        if not self._left and not self.complete:
            self._seal()

    @property
    def blob_id(self) -> str:
        """Its id in the store."""
        return self._blob.id

    def join(self) -> CachedFile:
        """One more reader."""
        with self._lock:
            self._users += 1
        return self

    def close(self) -> bool:
        """One reader less; True if it was the last."""
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self._pin.__exit__(None, None, None)
        return last

    def read_into(self, offset: int, view: memoryview) -> int:
        """Bytes that are known to be here. OSError if the disk fails."""
        done = 0
        while done < len(view):
            got = os.preadv(self.fd, [view[done:]], offset + done)
            if not got:
                break
            done += got
        return done

    def pread(self, size: int, offset: int) -> bytes:
        """The same, copied once."""
        return os.pread(self.fd, size, offset)

    def put(
        self, index: int, data: memoryview, extent: int, *, digest: bytes | None = None
    ) -> None:
        """Keep a block that was verified; what `extent` has beyond `data` is zeros.

        `digest` is the xxh3_128 of all of it, if that is known.
        """
        if self.broken or self.have[index]:
            return
        offset = index * self.block_bytes
        try:
            if len(data):
                self._blob.write_at(offset, data)
            if len(data) < extent and offset + extent == self.size_bytes:
                # Ends in a hole: the file must have its whole length all the same.
                self._blob.write_at(self.size_bytes - 1, memoryview(b"\0"))
            self._blob.commit(index, digest or _digest(data, extent))
        except (MeganeuraError, OSError) as error:
            self._give_up(error)
            return
        with self._lock:
            if self.have[index]:
                return
            self.have[index] = 1
            self._left -= 1
            last = self._left == 0
        if last:
            self._seal()

    def _seal(self) -> None:
        try:
            self._blob.seal()
        except MeganeuraError as error:
            self._give_up(error)
            return
        self.complete = True

    def _give_up(self, error: Exception) -> None:
        """The disk is full, failed, or somebody deleted the blob: go on without keeping."""
        if not self.broken:
            self.broken = True
            gone = isinstance(error, NotFound)
            (_log.info if gone else _log.warning)(
                "file is not kept on this node", blob=self._blob.id, reason=str(error)
            )
            self._on_broken(self)


def _digest(data: memoryview, extent: int) -> bytes:
    hashed = xxhash.xxh3_128(data)
    if extent > len(data):
        hashed.update(bytes(extent - len(data)))
    return hashed.digest()
