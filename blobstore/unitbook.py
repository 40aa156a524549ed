"""Which units of a blob are held and with which digest, in memory and in the journal beside it.

Owned by one Blob and guarded by its lock. The journal is a help for the next start only: if it
cannot be written it is given up, and the blob goes on without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from blobstore import journal, recover
from blobstore.journal import Header, Journal, Replay
from dfcore.bitmap import Bitmap
from dfcore.digest import UNIT_DIGEST_BYTES
from dfcore.pieces import Geometry
from dfinfra.logs import get_logger

_log = get_logger("blobstore")


class UnitBook:
    """`held` and the digests always agree. `digests` of None: still in the journal."""

    __slots__ = ("_digests", "_geometry", "_journal", "held")

    def __init__(
        self,
        geometry: Geometry,
        *,
        full: bool,
        digests: bytes | None,
        unit_journal: Journal | None = None,
    ) -> None:
        self._geometry = geometry
        self._journal = unit_journal
        self.held = Bitmap(geometry.unit_count)
        self._digests: dict[int, bytes] | None = None
        if digests is not None:
            self._digests = unpack_digests(digests)
        if full:
            self.held.add_all(range(geometry.unit_count))

    def __contains__(self, unit: int) -> bool:
        return unit in self.held

    def digest(self, unit: int, journal_path: Path) -> bytes | None:
        """The digest of a held unit."""
        if unit not in self.held:
            return None
        if self._digests is None:
            self._digests = recover.read_journal(journal_path).units
        return self._digests.get(unit)

    def holds(self, units: range) -> bool:
        """True if all of them are held."""
        missing = self.held.first_missing(units.start) if units else None
        return missing is None or missing >= units.stop

    def add(self, unit: int, digest: bytes) -> int:
        """It is held from now on; how many bytes that is."""
        self._note(journal.held_frame(unit, digest))
        self.held.add(unit)
        self._known()[unit] = bytes(digest)
        return self._geometry.unit_range(unit).size

    def drop(self, unit: int) -> int:
        """It is not held any more; how many bytes that was."""
        if unit not in self.held:
            return 0
        self._note(journal.discarded_frame(unit))
        self.held.discard(unit)
        self._known().pop(unit, None)
        return self._geometry.unit_range(unit).size

    def drop_all(self) -> None:
        """Nothing is held any more."""
        self.held = Bitmap(self._geometry.unit_count)
        self._digests = {}
        if self._journal is not None:
            try:
                self._journal.forget_units()
            except OSError as error:
                self._give_up(error)

    def packed_digests(self) -> bytes:
        """All digests one after the other; for a full book."""
        known = self._known()
        return b"".join(known[unit] for unit in range(self.held.count))

    def recorded(self) -> dict[int, bytes]:
        """The digests that came with the index row; not yet verified after a start."""
        return dict(self._known())

    def believe(self, units: Mapping[int, bytes]) -> int:
        """After a start: these were verified, nothing else; how many bytes they have."""
        self._digests = dict(units)
        for unit in units:
            self.held.add(unit)
        return sum(self._geometry.unit_range(unit).size for unit in units)

    def go_on(self, path: Path, told: Replay, header: Header) -> None:
        """Write to the journal at `path`, which said `told`; what is not held is struck out."""
        try:
            if told.header is None:
                path.unlink(missing_ok=True)
                self._journal = Journal.create(path, header)
            else:
                self._journal = Journal.reopen(path, told)
        except OSError as error:
            self._give_up(error)
            return
        for unit in told.units:
            if unit not in self.held:
                self._note(journal.discarded_frame(unit))

    def close_journal(self) -> None:
        """Nothing will change any more. Idempotent."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _known(self) -> dict[int, bytes]:
        if self._digests is None:
            self._digests = {}
        return self._digests

    def _note(self, frame: bytes) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(frame)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        # A torn frame must be the last one, so nothing may follow it.
        _log.warning("journal given up", reason=str(error))
        self.close_journal()


def unpack_digests(packed: bytes) -> dict[int, bytes]:
    """Digests by unit from the form in an index row."""
    step = UNIT_DIGEST_BYTES
    starts: Iterable[int] = range(0, len(packed), step)
    return {at // step: packed[at : at + step] for at in starts}
