"""Inodes without a name: kept while a session has them open, then deleted in batches."""

from __future__ import annotations

from functools import partial
from itertools import islice

from dffs.meta import keys, rows
from dffs.meta.core import Core
from dffs.meta.kv import Txn, batches, chunked
from dffs.meta.types import FileKind, InodeFlag
from dffs.meta.work import Work

_AT_ONCE = 100
_LOOKED_AT = 200_000
_MARKED = InodeFlag.XATTRS | InodeFlag.ACL_ACCESS | InodeFlag.ACL_DEFAULT


class Orphans(Core):
    """Deletes what has no name and no user.

    Another session may have opened an inode just before its last name went. Each session claims the
    orphans that it has open with every heartbeat, so an orphan that nobody claims for two and a
    half of them is free.
    """

    @property
    def orphan_grace_s(self) -> float:
        """How long an orphan is kept for others to claim."""
        return 2.5 * self.heartbeat_s

    def claim_orphans(self) -> None:
        """Keep those orphans that this session has open."""
        opened = [ino for ino in list(self._opened) if self._opened[ino] > 0]
        for first in range(0, len(opened), 1000):
            some = opened[first : first + 1000]
            wanted = [keys.orphan(ino) for ino in some]
            found = self.engine.transact(partial(Txn.get_many, keys=wanted), read_only=True)
            for ino, raw in zip(some, found, strict=True):
                if raw is not None and ino not in self._claimed:
                    self._claimed.add(ino)
                    self._write(partial(_hold, key=keys.held(ino, self.sid)))

    def bury_orphans(self, *, grace_s: float | None = None, patient: bool = False) -> int:
        """Delete orphans that nobody claims; gives how many. One call looks at 200,000 of them.

        With `patient` this client must itself have seen an orphan for that long: the clock of the
        node that made it one may be wrong.
        """
        wait_s = self.orphan_grace_s if grace_s is None else grace_s
        before_ns = self.now_ns - int(wait_s * 1e9)
        records = chunked(self.engine, keys.ORPHAN, keys.after(keys.ORPHAN))
        orphans = [(keys.number(key), raw) for key, raw in islice(records, _LOOKED_AT)]
        now_s = self.clock.monotonic()
        if patient:
            self._orphan_ages.look(orphans, now_s)
        free = [
            orphan[0]
            for orphan in orphans
            if int.from_bytes(orphan[1], "big") <= before_ns
            and not (patient and self._orphan_ages.age_s(orphan, now_s) < wait_s)
        ]
        return sum(self._bury(some) for some in batches(free, _AT_ONCE))

    def _bury(self, inos: list[int]) -> int:
        def op(work: Work) -> int:
            work.load(inos, (), [keys.orphan(ino) for ino in inos])
            return sum(_delete(work, ino) for ino in inos)

        return self._write(op)


def _hold(work: Work, key: bytes) -> None:
    work.txn.put(key, b"")


def _delete(work: Work, ino: int) -> bool:
    if work.txn.get(keys.orphan(ino)) is None:
        return False
    prefix = keys.held(ino, 0)[:9]
    if work.txn.scan(prefix, keys.after(prefix), limit=1, keys_only=True):
        return False
    node = work.find(ino)
    work.txn.delete(keys.orphan(ino))
    if node is None:
        return False
    if node.kind == FileKind.FILE and node.size:
        rows.drop_from(work, ino, 0)
    if node.content:
        work.txn.delete(keys.content(node.content, ino))
    if node.kind == FileKind.SYMLINK:
        work.txn.delete(keys.symlink(ino))
    if node.flags & _MARKED:
        prefix = keys.xattr(ino, b"")
        for key, _ in work.txn.scan(prefix, keys.after(prefix), keys_only=True):
            work.txn.delete(key)
    for key in (keys.flocks(ino), keys.record_locks(ino)):
        work.txn.delete(key)
    work.forget(ino)
    return True
