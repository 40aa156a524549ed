"""Publishes folders to pods and takes them back: records, shares and binds in the right order.

Blocking, one request per volume at a time; `node` calls it in a pool. At any moment the driver may die:
the record is written first and dropped last, so that whatever is mounted is known.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dfcore.errors import MeganeuraError
from dfinfra.logs import get_logger
from dfkube.csi import binds
from dfkube.csi.access import Key
from dfkube.csi.records import Record, Records
from dfkube.csi.shares import Shares, name_of
from dfkube.csi.wish import Wish

_log = get_logger("csi")


class AlreadyPublishedError(MeganeuraError):
    """The target shows something else."""

    code = "already_published"
    grpc_code = "ALREADY_EXISTS"


class Publisher:
    """What pods of this node see."""

    def __init__(self, shares: Shares, records: Records) -> None:
        self._shares = shares
        self._records = records
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}

    def publish(self, volume_id: str, target: str, wish: Wish, key: Key, read_only: bool) -> None:
        """Show what is wished at ``target``; to do it again changes nothing."""
        share = name_of(key.url)
        with self._alone(share):
            self._shares.use(share, key.url, key.passphrase)
            record = Record(volume_id, target, share, wish.folder, read_only or wish.read_only)
            known = self._records.get(target)
            if known is not None and known != record:
                raise AlreadyPublishedError(f"{target} shows another volume or another folder")
            if known is None or not binds.is_bound(Path(target)):
                self._records.put(record)
                self._show(record)

    def unpublish(self, target: str) -> None:
        """Take back what is at ``target``, if anything is."""
        known = self._records.get(target)
        with self._alone(known.share if known is not None else ""):
            binds.unbind(Path(target))
            self._records.drop(target)
            if known is not None and all(r.share != known.share for r in self._records.all()):
                self._shares.release(known.share)

    def heal(self) -> None:
        """After a crash: mount what has died, and show it again where pods look."""
        for record in self._records.all():
            try:
                with self._alone(record.share):
                    revived = self._shares.revive(record.share)
                    if revived or not binds.is_bound(Path(record.target)):
                        self._show(record)
            except (MeganeuraError, OSError) as error:
                _log.warning("not healed", target=record.target, reason=str(error))

    def _show(self, record: Record) -> None:
        source = self._shares.path(record.share, record.folder)
        binds.bind(source, Path(record.target), read_only=record.read_only)

    @contextmanager
    def _alone(self, share: str) -> Iterator[None]:
        with self._lock:
            lock = self._busy.setdefault(share, threading.Lock())
        with lock:
            yield
