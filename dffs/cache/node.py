"""The node's cache of a volume: files and single blocks in a blob store, blocks in memory without one.

A file's blob is named by what its blocks are, so that equal files, clones and snapshots are one blob
and a changed file is another. A block that was written here is a blob of its own until the file
that it belongs to is read; a file of one block is that blob. Thread-safe.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import xxhash

from blobstore import Blob, BlobStore, Pin
from dfcore.errors import MeganeuraError, NoSpace
from dfcore.pieces import Geometry
from dffs.blocks.codec import Codec
from dffs.buffers import Borrowed, new_buffer
from dffs.cache.cachedfile import CachedFile
from dffs.cache.memory import MemoryCache
from dffs.meta.types import Block
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_PLACES = 1 << 16


class NodeCache:
    """`store` is open already, its first disk in `folder`; None keeps blocks in memory only.

    With `seal` blocks are kept as the objects that they are in the volume, encrypted: no file is in
    one piece on the disk then, and none can be given to the kernel.
    """

    def __init__(
        self,
        store: BlobStore | None,
        *,
        memory_bytes: int,
        folder: Path | None = None,
        seal: Codec | None = None,
    ) -> None:
        self.store = store
        self.folder = folder
        self._seal = seal
        self.memory = MemoryCache(memory_bytes)
        self._lock = threading.Lock()
        self._buffers = Borrowed()
        self._open: dict[str, CachedFile] = {}
        #: Where in a file's blob a block is to be found.
        self._places: OrderedDict[bytes, tuple[str, int]] = OrderedDict()

    def ahead_bytes(self, wished_bytes: int) -> int:
        """How far ahead of a reader to fetch: what is kept in memory must not push out what was not
        read yet."""
        return wished_bytes if self.store is not None else self.memory.limit_bytes // 4

    # --- blocks -------------------------------------------------------------------------------

    def get(self, block: Block) -> memoryview | None:
        """The stored bytes of a block, if they are on this node."""
        held = self.memory.get(block.digest)
        if held is not None or self.store is None:
            return held
        try:
            blob = self.store.get(block_blob_id(block.digest))
            if blob is None or not blob.complete:
                return self._from_file(block)
            if self._seal is not None:
                return self._opened(self._seal, block, blob)
            return _bytes_of(blob, 0, block.stored_bytes)
        except (MeganeuraError, OSError) as error:
            _log.warning("cached block is unreadable", reason=str(error))
            return None

    def _opened(self, seal: Codec, block: Block, blob: Blob) -> memoryview | None:
        body = _bytes_of(blob, 0, blob.size_bytes)
        if body is None:
            return None
        plain = memoryview(seal.decode(block.digest, body, block.stored_bytes)).cast("B")
        self.memory.put(block.digest, plain)  # the next part of it is asked for soon
        return plain

    def _from_file(self, block: Block) -> memoryview | None:
        with self._lock:
            place = self._places.get(block.digest)
        if place is None or self.store is None:
            return None
        blob_id, index = place
        blob = self.store.get(blob_id)
        if blob is None:
            return None
        return _bytes_of(blob, index * blob.geometry.unit_length, block.stored_bytes)

    def adopt(self, block: Block, cached: CachedFile, index: int, extent: int) -> bool:
        """Copy a block that is a blob of its own into its place in a file; False if it is none.

        Its digest is known already, and its bytes are not looked at.
        """
        if self.store is None or not extent == block.stored_bytes == block.length_bytes:
            return False
        try:
            blob = self.store.get(block_blob_id(block.digest))
            digest = None if blob is None or not blob.complete else blob.digests(0)
            if blob is None or digest is None or blob.id == cached.blob_id:
                return False
            with self._buffers.lend(extent) as buffer:
                if blob.read_into(0, buffer) != extent:
                    return False
                cached.put(index, buffer, extent, digest=digest)
        except (MeganeuraError, OSError) as error:
            _log.warning("cached block is unreadable", reason=str(error))
            return False
        if not cached.have[index]:
            return False
        self.placed(block.digest, cached, index)
        info = self.store.info(blob.id)
        if info is not None and not info.pinned:
            self.store.delete(blob.id)
        return True

    def put(self, digest: bytes, data: memoryview) -> None:
        """Keep a block that was just written or read. `data` may change afterwards."""
        if self.store is None:
            self.memory.put(digest, memoryview(bytes(data)))
            return
        if self._seal is not None:
            data = memoryview(self._seal.encode(digest, data)).cast("B")
        size = len(data)
        try:
            blob = self.store.create(block_blob_id(digest), _one_unit(size))
            if blob.complete:
                return
            blob.write_at(0, data)
            blob.commit(0, xxhash.xxh3_128_digest(data))
            blob.seal()
        except NoSpace:
            return
        except (MeganeuraError, OSError) as error:
            _log.warning("block is not kept on this node", reason=str(error))

    def own_blob(self, block: Block) -> Blob | None:
        """The blob that holds this block alone, if there is one to be read as it is."""
        if self.store is None or self._seal is not None:
            return None
        try:
            blob = self.store.get(block_blob_id(block.digest))
        except (MeganeuraError, OSError):
            return None
        return blob if blob is not None and blob.complete else None

    def pin(self, digest: bytes) -> Pin | None:
        """Keep a block from being evicted; None if it is not a blob of its own here."""
        blob = None if self.store is None else self.store.get(block_blob_id(digest))
        return None if blob is None else blob.pin()

    def flush(self) -> None:
        """Return when what is kept here survives a power cut."""
        if self.store is not None:
            self.store.flush()

    # --- files --------------------------------------------------------------------------------

    def file(self, blocks: Sequence[Block], size_bytes: int, block_bytes: int) -> CachedFile | None:
        """The place of a whole file's content; None if it cannot be kept as one. Close it."""
        if self.store is None or self._seal is not None or not size_bytes:
            return None
        blob_id, geometry = file_identity(blocks, size_bytes, block_bytes)
        with self._lock:
            cached = self._open.get(blob_id)
            if cached is not None:
                return cached.join()
        try:
            blob = self.store.create(blob_id, geometry)
            made = CachedFile(blob, blob.pin(), self._broken)
        except (MeganeuraError, OSError) as error:
            _log.info("file is not kept on this node", reason=str(error))
            return None
        with self._lock:
            cached = self._open.get(blob_id)
            if cached is None:
                self._open[blob_id] = made
                return made
            cached.join()
        made.close()
        return cached

    def complete_file(
        self, blocks: Sequence[Block], size_bytes: int, block_bytes: int
    ) -> CachedFile | None:
        """The same, only if it is complete already. Reserves nothing."""
        if self.store is None or not size_bytes:
            return None
        blob_id, _ = file_identity(blocks, size_bytes, block_bytes)
        info = self.store.info(blob_id)
        return self.file(blocks, size_bytes, block_bytes) if info and info.complete else None

    def let_go(self, cached: CachedFile) -> None:
        """A reader is done with a file."""
        with self._lock:
            if cached.close() and self._open.get(cached.blob_id) is cached:
                del self._open[cached.blob_id]

    def placed(self, digest: bytes, cached: CachedFile, index: int) -> None:
        """A block is to be found in a file's blob from now on."""
        with self._lock:
            self._places[digest] = (cached.blob_id, index)
            if len(self._places) > _PLACES:
                self._places.popitem(last=False)

    def evict(self, blocks: Sequence[Block], size_bytes: int, block_bytes: int) -> int:
        """Forget a file and its blocks; how many bytes went."""
        if self.store is None:
            return 0
        freed = 0
        ids = [block_blob_id(block.digest) for block in blocks]
        if size_bytes:
            ids.append(file_identity(blocks, size_bytes, block_bytes)[0])
        for blob_id in set(ids):
            info = self.store.info(blob_id)
            if info is not None and self.store.delete(blob_id):
                freed += info.held_bytes
        return freed

    def held_bytes(self, blocks: Sequence[Block], size_bytes: int, block_bytes: int) -> int:
        """How much of a file is on this node."""
        if self.store is None or not size_bytes:
            return 0
        info = self.store.info(file_identity(blocks, size_bytes, block_bytes)[0])
        if info is not None and info.complete:
            return size_bytes
        held = 0 if info is None else info.held_bytes
        if len(blocks) > 1:
            own = {block.digest: block.stored_bytes for block in blocks if not block.is_hole}
            held += sum(n for d, n in own.items() if self.store.info(block_blob_id(d)))
        return min(held, size_bytes)

    def close(self) -> None:
        """Write the index down. Nobody may read any more."""
        if self.store is not None:
            self.store.close()

    def _broken(self, cached: CachedFile) -> None:
        with self._lock:
            if self._open.get(cached.blob_id) is cached:
                del self._open[cached.blob_id]


def _bytes_of(blob: Blob, offset: int, length: int) -> memoryview | None:
    buffer = new_buffer(length)
    return buffer if blob.read_into(offset, buffer) == length else None


def block_blob_id(digest: bytes) -> str:
    """The blob of a single block."""
    return f"b-{digest.hex()}"


def file_identity(
    blocks: Sequence[Block], size_bytes: int, block_bytes: int
) -> tuple[str, Geometry]:
    """Id and geometry of the blob that holds a file of these blocks."""
    first = blocks[0] if blocks else None
    if first and size_bytes <= block_bytes and first[1:] == (size_bytes, size_bytes):
        return block_blob_id(first.digest), _one_unit(size_bytes)
    named = hashlib.sha256(b"%d %d " % (size_bytes, block_bytes))
    for block in blocks:
        named.update(b"%b%d " % (block.digest, block.length_bytes))
    return f"f-{named.hexdigest()}", Geometry(size_bytes, block_bytes, block_bytes)


def _one_unit(size_bytes: int) -> Geometry:
    return Geometry(size_bytes, max(size_bytes, 1), max(size_bytes, 1))
