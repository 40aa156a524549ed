"""One blob in a caller's hands: write and commit units, read, seal, link, hand out the descriptor.

Got from BlobStore.create() and get(); one object per blob and process, shared by all threads.
Everything here may block on the disk: call it from a thread, never from an event loop. Concurrency
rules are in docs/concurrency/blobstore.md.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from blobstore import files, recover
from blobstore.catalog import Entry
from blobstore.journal import Header
from blobstore.keeper import Keeper, Pin
from blobstore.link import link_or_copy
from blobstore.model import BlobMeta, State
from blobstore.unitbook import UnitBook
from blobstore.writers import UnitWriters
from dfcore.bitmap import Bitmap
from dfcore.digest import UNIT_DIGEST_BYTES, Digest
from dfcore.errors import BadInput, DigestMismatch, InvalidTransition, NotFound
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfinfra.logs import get_logger

if TYPE_CHECKING:
    from typing_extensions import Buffer

_log = get_logger("blobstore")

#: Called with the unit that became held, or None when the blob was sealed.
Listener = Callable[[int | None], None]


class Blob:
    """Invariants: a unit's bit is set only after its bytes are in the file; bytes of a held unit
    are never written again (late writes are dropped); a sealed blob never changes."""

    __slots__ = (
        "__weakref__",
        "_entry",
        "_fd",
        "_gone",
        "_keeper",
        "_listeners",
        "_lock",
        "_units",
        "_writers",
        "_written",
        "geometry",
        "id",
        "meta",
        "size_bytes",
    )

    def __init__(
        self,
        keeper: Keeper,
        entry: Entry,
        geometry: Geometry,
        meta: BlobMeta,
        units: UnitBook,
        fd: files.OwnedFd | None = None,
    ) -> None:
        self.id = entry.blob_id
        self.geometry = geometry
        self.size_bytes = geometry.size_bytes
        self.meta = meta
        self._keeper = keeper
        self._entry = entry
        self._lock = threading.Lock()
        self._written = threading.Condition(self._lock)
        self._fd = fd
        self._units = units
        self._writers = UnitWriters()
        self._listeners: tuple[Listener, ...] = ()
        self._gone = False

    def __repr__(self) -> str:
        held = self._units.held
        return f"Blob({self.id}, {held.count_set}/{held.count}, {self._entry.state.name})"

    # --- what it is ---------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """True once it is sealed."""
        return self._entry.complete

    @property
    def held(self) -> Bitmap:
        """A copy of the set of units that are there and verified."""
        with self._lock:
            return self._units.held.copy()

    @property
    def held_bytes(self) -> int:
        """Bytes of the held units."""
        return self._entry.held_bytes

    @property
    def digest(self) -> Digest | None:
        """What the blob was sealed with, else what it is expected to be, if either is known."""
        text = self._entry.digest or self.meta.digest
        return None if text is None else Digest.parse(text)

    @property
    def path(self) -> Path:
        """The file in the store. Only for reading, and only while the blob is pinned."""
        return self._entry.disk.blob_path(self.id, self._entry.nonce)

    @property
    def deleted(self) -> bool:
        """True once it was deleted or evicted. A descriptor that is open stays readable."""
        return self._gone

    def digests(self, unit: int) -> bytes | None:
        """The digest of a held unit (16 bytes of xxh3_128), None if it is not held."""
        with self._lock:
            return self._units.digest(unit, self._journal_path)

    def holds(self, byte_range: ByteRange) -> bool:
        """True if every byte of the range is held."""
        if byte_range.end > self.size_bytes:
            return False
        with self._lock:
            return self._units.holds(self.geometry.units_of(byte_range))

    # --- filling it ---------------------------------------------------------------------------

    def write_at(self, offset: int, data: Buffer) -> None:
        """Put unverified bytes in their place. They become visible by commit().

        Bytes of a unit that is held already are dropped: what was verified stays. NoSpace if the
        disk is full, Unavailable if it failed, NotFound if the blob was deleted meanwhile.
        """
        view = memoryview(data).cast("B")
        end = offset + len(view)
        if offset < 0 or end > self.size_bytes:
            raise BadInput(f"bytes {offset}-{end} lie outside blob {self.id}")
        at = offset
        while at < end:
            unit = at // self.geometry.unit_length
            stop = min(end, (unit + 1) * self.geometry.unit_length)
            self._write_into(unit, at, view[at - offset : stop - offset])
            at = stop

    def _write_into(self, unit: int, offset: int, view: memoryview) -> None:
        with self._lock:
            self._check_there()
            if unit in self._units:
                return
            fd = self._open()
            self._writers.begin(unit, threading.get_ident())
        try:
            files.pwrite_all(fd, view, offset)
        except OSError as error:
            self._fail(error)
        finally:
            with self._lock:
                self._writers.end(unit)
                self._written.notify_all()

    def commit(self, unit: int, digest: bytes) -> None:
        """The bytes of `unit` are written and have this digest: from now on it is held.

        Again for a held unit: nothing happens. DigestMismatch if it is held with another digest,
        or if another thread wrote to the unit as well and left something else there.
        """
        if len(digest) != UNIT_DIGEST_BYTES or not 0 <= unit < self.geometry.unit_count:
            raise BadInput(f"unit {unit} with digest {digest.hex()} is not of blob {self.id}")
        with self._lock:
            self._check_there()
            # A write that began before is let through first, so that none comes after the bit.
            self._written.wait_for(lambda: not self._writers.is_active(unit))
            if unit in self._units:
                self._check_same(unit, digest)
                return
            self._check_there()
            if self._writers.settle(unit):
                self._check_written(unit, digest)
            self._entry.held_bytes += self._units.add(unit, digest)
        self._keeper.touch(self._entry)
        self._tell(unit)

    def _check_same(self, unit: int, digest: bytes) -> None:
        if self._units.digest(unit, self._journal_path) != digest:
            raise DigestMismatch(f"unit {unit} of blob {self.id} is held with another digest")

    def _check_written(self, unit: int, digest: bytes) -> None:
        if recover.digest_in_file(self._open(), self.geometry, unit) != digest:
            raise DigestMismatch(f"unit {unit} of blob {self.id} was overwritten, fetch it again")

    def discard(self, unit: int) -> None:
        """Drop a unit: its bytes are not to be believed. Not for sealed blobs."""
        with self._lock:
            self._check_filling("discard a unit of")
            self._entry.held_bytes -= self._units.drop(unit)

    def reset(self) -> None:
        """Drop all units: the content was wrong. Not for sealed blobs."""
        with self._lock:
            self._check_filling("reset")
            self._units.drop_all()
            self._entry.held_bytes = 0

    def seal(self, digest: Digest | None = None) -> None:
        """Complete and checked as a whole: never written again. Idempotent.

        `digest` is what the whole content was checked against or found to be; get_by_digest()
        finds the blob by it. The bytes are forced to the disk soon after (BlobStore.flush()
        waits for that); a crash before costs only a look at them on the next start.
        """
        self._check_expected(digest)
        with self._lock:
            self._check_there()
            if self._entry.complete:
                return
            if not self._units.held.is_full:
                raise InvalidTransition(f"blob {self.id} lacks units, it cannot be sealed")
            self._units.close_journal()
            name = None if digest is None else str(digest)
            self._keeper.record_sealed(self, self._entry, name)
        self._tell(None)

    def _check_expected(self, digest: Digest | None) -> None:
        if digest is None or self.meta.digest is None:
            return
        expected = Digest.parse(self.meta.digest)
        # Of another algorithm it is a second name, and says nothing about the first.
        if expected.algorithm == digest.algorithm and expected != digest:
            raise DigestMismatch(f"blob {self.id} should be {expected}, not {digest}")

    # --- reading it ---------------------------------------------------------------------------

    def read_into(self, offset: int, buffer: Buffer, *, unverified: bool = False) -> int:
        """Fill `buffer` from `offset` on; how many bytes there were up to the end of the blob.

        NotFound if some of them are not held, unless `unverified` asks for whatever is there.
        """
        view = memoryview(buffer).cast("B")
        view = view[: max(self.size_bytes - offset, 0)]
        end = offset + len(view)
        if len(view) and not unverified and not self.holds(ByteRange(offset, end)):
            raise NotFound(f"bytes {offset}-{end} of blob {self.id} are not here yet")
        try:
            return files.preadv_all(self.fileno(), view, offset)
        except OSError as error:
            self._fail(error)

    def pread(self, offset: int, length: int, *, unverified: bool = False) -> bytes:
        """Up to `length` bytes from `offset` on; fewer only at the end of the blob."""
        buffer = bytearray(max(min(length, self.size_bytes - offset), 0))
        read = self.read_into(offset, buffer, unverified=unverified)
        return bytes(buffer[:read])

    def fileno(self) -> int:
        """The descriptor of the file, valid as long as the caller keeps this object."""
        with self._lock:
            return self._open()

    def link_to(self, path: Path, *, overwrite: bool = False) -> bool:
        """Make `path` a hard link to the sealed blob (True), or a copy of it (False)."""
        if not self.complete:
            raise InvalidTransition(f"blob {self.id} is not sealed, it cannot be linked")
        fd = self.fileno()
        return link_or_copy(self.path, fd, self.size_bytes, path, overwrite=overwrite)

    # --- keeping it ---------------------------------------------------------------------------

    def pin(self) -> Pin:
        """Keep it from being evicted: `with blob.pin():`. NotFound if it is gone already."""
        self._keeper.pin(self._entry)
        return Pin(self._keeper, self._entry)

    def unpin(self) -> None:
        """Undo one pin() whose Pin was not kept."""
        self._keeper.unpin(self._entry)

    def touch(self) -> None:
        """It is in use: last in the queue of victims."""
        self._keeper.touch(self._entry)

    def add_listener(self, listener: Listener) -> None:
        """Call it, on the committing thread, for every unit committed from now on and the seal.

        Read `held` after adding it: what was committed before is not told.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Listener) -> None:
        """Undo add_listener(). A call that is under way may still arrive."""
        with self._lock:
            left = list(self._listeners)
            if listener in left:
                left.remove(listener)
            self._listeners = tuple(left)

    def _tell(self, unit: int | None) -> None:
        for listener in self._listeners:
            try:
                listener(unit)
            except RuntimeError as error:
                # A loop that is closed already: its readers are gone, the others still listen.
                _log.warning("listener failed", blob=self.id, reason=str(error))

    # --- for the store ------------------------------------------------------------------------

    def verify(self) -> None:
        """After a start: believe only the units whose bytes are what was recorded. Once.

        NotFound or Unavailable if they cannot be read.
        """
        if self._entry.verified:
            return
        with self._lock:
            if self._entry.verified or self._gone:
                return
            sealed = self._entry.state is not State.FILLING
            told = recover.read_journal(self._journal_path)
            units = told.units or self._units.recorded()
            if not (sealed and told.durable):
                units = recover.verify_units(
                    self._open(), self.geometry, units, self._keeper.is_closing
                )
            self._entry.held_bytes = self._units.believe(units)
            complete = sealed and self._units.held.is_full
            if not complete and self.geometry.unit_count > 1:
                if sealed:
                    self._make_writable()
                header = Header(self.id, self.geometry, self._entry.created, self.meta)
                self._units.go_on(self._journal_path, told, header)
            # It was opened for what it was before; nobody has seen the descriptor yet.
            self._fd = None
            self._keeper.record_verified(self, self._entry, complete=complete)

    def packed_digests(self) -> bytes:
        """The digests of all units of a full blob, for its index row."""
        return self._units.packed_digests()

    def drop(self) -> None:
        """Its file is missing: remove it from the store."""
        self._keeper.remove(self._entry)

    def forget(self) -> None:
        """The store has let it go: nothing more is written."""
        with self._lock:
            self._gone = True
            self._units.close_journal()

    def abandon(self) -> None:
        """Its disk has failed. Takes no lock: the thread that found out may hold it."""
        self._gone = True

    # --- inside -------------------------------------------------------------------------------

    @property
    def _journal_path(self) -> Path:
        return self._entry.disk.journal_path(self.id, self._entry.nonce)

    def _make_writable(self) -> None:
        # A link outside made the file read-only; its missing units have to be written again.
        with suppress(OSError):
            self.path.chmod(0o644)

    def _open(self) -> int:
        if self._fd is None:
            filling = self._entry.state is State.FILLING
            flags = (os.O_RDWR if filling else os.O_RDONLY) | os.O_CLOEXEC
            try:
                self._fd = files.OwnedFd(os.open(self.path, flags))
            except OSError as error:
                self._fail(error)
        return self._fd.number

    def _check_there(self) -> None:
        if self._gone:
            raise NotFound(f"blob {self.id} is not in the store any more")

    def _check_filling(self, what: str) -> None:
        self._check_there()
        if self._entry.state is not State.FILLING:
            raise InvalidTransition(f"blob {self.id} is sealed: cannot {what} it")

    def _fail(self, error: OSError) -> NoReturn:
        known = self._keeper.failure(self._entry.disk, error)
        if known is None and isinstance(error, FileNotFoundError):
            known = NotFound(f"blob {self.id} is not in the store any more")
        raise error if known is None else known from error
