"""The change feed: what happened in a volume, in order, for those who follow it."""

from __future__ import annotations

from functools import partial

from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.kv import SEQUENCE
from dffs.meta.types import Change
from dffs.meta.work import Work

_AT_ONCE = 1000


class Feed(Core):
    """The entries that `Work.note` appends, when the settings say so."""

    def changes(self, after_seq: int = 0, limit: int = 1000) -> list[Change]:
        """The change feed after a sequence number."""
        found = self._read(
            lambda work: work.txn.scan(
                keys.change(after_seq + 1), keys.after(keys.CHANGE), limit=limit
            )
        )
        return [records.unpack_change(key, raw) for key, raw in found]

    def trim_changes(self) -> int:
        """Forget changes that are too old or too many."""
        settings = self._read(lambda work: work.settings)
        oldest_ns = self.now_ns - int(settings.changelog_max_age_s * 1e9)
        newest = self._newest_seq() if settings.changelog_max_entries else 0
        first_kept = newest - settings.changelog_max_entries if newest else 0
        gone = 0
        while True:
            page = [
                change
                for change in self.changes(0, _AT_ONCE)
                if change.time_ns < oldest_ns or change.seq <= first_kept
            ]
            if not page:
                return gone
            self._write(partial(_forget, page=page))
            gone += len(page)

    def _newest_seq(self) -> int:
        return self._read(lambda work: work.txn.counter(SEQUENCE))


def _forget(work: Work, page: list[Change]) -> None:
    for change in page:
        work.txn.delete(keys.change(change.seq))
