"""The blocks of one volume in its object store.

Put create-only, so that equal blocks are stored once; verified by digest on every get. Synchronous
and thread-safe; `dffs.blocks.transfers` runs it on threads. Callers are the files of a volume, gc, fsck
and sync. Which blocks may be deleted is the metadata engine's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfcore.errors import DigestMismatch, NotFound
from dffs.blocks.codec import Codec
from dffs.blocks.gate import Gate
from dffs.blocks.names import Names, block_digest
from dffs.blocks.retry import Retrier, RetryPolicy, Throttle
from dffs.object.store import ObjectInfo, ObjectStore
from dfinfra.logs import get_logger

if TYPE_CHECKING:
    from typing_extensions import Buffer

_log = get_logger("dffs")

#: How often wrong bytes are asked for again: a proxy or a bad memory may have made them.
_WRONG_TRIES = 3
_DELETE_BATCH = 500


@dataclass(frozen=True, slots=True)
class BlockPolicy:
    """How the object store is used. Rates are bytes a second, 0 is no limit."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_uploads: int = 20
    upload_limit_bytes_s: int = 0
    download_limit_bytes_s: int = 0


class BlockLost(NotFound):
    """A block that the metadata name is not in the object store, or not as it was put there."""


class BlockStore:
    """Puts, gets, lists and deletes blocks."""

    def __init__(
        self,
        store: ObjectStore,
        names: Names,
        codec: Codec,
        *,
        block_size_bytes: int,
        policy: BlockPolicy | None = None,
    ) -> None:
        policy = policy or BlockPolicy()
        self.store = store
        self.names = names
        self.codec = codec
        self.block_size_bytes = block_size_bytes
        self._retrier = Retrier(policy.retry)
        self._gate = Gate(policy.max_uploads)
        self._up = Throttle(policy.upload_limit_bytes_s)
        self._down = Throttle(policy.download_limit_bytes_s)

    @property
    def url(self) -> str:
        """Where the objects are, without secrets."""
        return self.store.url

    def become(self, other: BlockStore) -> None:
        """Go on with other keys, another bucket, codec or limits. What is under way ends as it began."""
        self.store, self.codec = other.store, other.codec
        self._up, self._down = other._up, other._down

    def put(self, digest: bytes, data: Buffer) -> bool:
        """Store a block under its digest; False if the store had it already."""
        body = self.codec.encode(digest, data)
        size = memoryview(body).nbytes
        self._up.pass_through(size)
        name = self.names.block(digest)
        with self._gate.passing(size):
            return self._retrier.run(f"put {name}", lambda: self.store.put(name, body, create=True))

    def replace(self, digest: bytes, data: Buffer) -> None:
        """Store a block over an object that turned out to be damaged."""
        body = self.codec.encode(digest, data)
        name = self.names.block(digest)
        self._retrier.run(f"put {name}", lambda: self.store.put(name, body))

    def get(self, digest: bytes, stored_bytes: int | None = None) -> memoryview:
        """A block's plain bytes, compared with its digest. BlockLost if that cannot be had.

        `stored_bytes` is its length as the metadata tell it; with None any length is right.
        """
        name = self.names.block(digest)
        for attempt in range(1, _WRONG_TRIES + 1):
            try:
                return self._get(name, digest, stored_bytes)
            except NotFound as error:
                raise BlockLost(f"block {digest.hex()} is not in {self.url}") from error
            except DigestMismatch as error:
                _log.error(
                    "wrong bytes in the object store",
                    object=name,
                    store=self.url,
                    tries=attempt,
                    reason=str(error),
                )
        raise BlockLost(f"block {digest.hex()} in {self.url} does not have the bytes it should")

    def _get(self, name: str, digest: bytes, stored_bytes: int | None) -> memoryview:
        body = self._retrier.run(f"get {name}", lambda: self.store.get(name))
        self._down.pass_through(memoryview(body).nbytes)
        limit = self.block_size_bytes if stored_bytes is None else stored_bytes
        plain = memoryview(self.codec.decode(digest, body, limit)).cast("B")
        if stored_bytes is not None and len(plain) != stored_bytes:
            raise DigestMismatch(f"{len(plain)} bytes instead of {stored_bytes}")
        if block_digest(plain) != digest:
            raise DigestMismatch("the content has another digest")
        return plain

    def exists(self, digest: bytes) -> bool:
        """Whether the store has an object of that name. Says nothing of its content."""
        name = self.names.block(digest)
        return self._retrier.run(f"head {name}", lambda: self.store.head(name)) is not None

    def list(self) -> Iterator[ObjectInfo]:
        """Every block object of the volume; `names.stem(digest)` tells which block it is."""
        for info in self.store.list(self.names.blocks):
            if self.names.stem_of(info.name) is not None:
                yield info

    def delete(self, digests: Iterable[bytes]) -> None:
        """Delete blocks. Only what Meta.dead_blocks() has given may be deleted."""
        self.delete_objects(self.names.block(digest) for digest in digests)

    def delete_objects(self, names: Iterable[str]) -> None:
        """Delete objects by name."""
        batch: list[str] = []
        for name in names:
            batch.append(name)
            if len(batch) == _DELETE_BATCH:
                self._delete(batch)
                batch = []
        if batch:
            self._delete(batch)

    def _delete(self, batch: Sequence[str]) -> None:
        self._retrier.run(f"delete {len(batch)} objects", lambda: self.store.delete(batch))

    def sync(self, digests: Iterable[bytes]) -> None:
        """Return when these blocks survive a power cut."""
        names = [self.names.block(digest) for digest in digests]
        if names:
            self._retrier.run("sync", lambda: self.store.sync(names))

    def close(self) -> None:
        """Give up waiting tries and let connections go."""
        self._retrier.close()
        self.store.close()
