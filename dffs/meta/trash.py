"""The trash: what was removed comes back until its time is over."""

from __future__ import annotations

import errno
from functools import partial

from dffs.meta import inodes, keys, records
from dffs.meta.core import Core
from dffs.meta.records import Node
from dffs.meta.types import Attr, MetaError, TrashItem
from dffs.meta.work import Work, check_name

_AT_ONCE = 200


class Trash(Core):
    """What was removed and may come back."""

    def list_trash(
        self, *, after: tuple[int, int] | None = None, limit: int = 1000
    ) -> list[TrashItem]:
        """Removed items, oldest first."""
        start = keys.TRASH if after is None else keys.trash(*after) + b"\x00"
        found = self._read(lambda work: work.txn.scan(start, keys.after(keys.TRASH), limit=limit))
        return [records.unpack_trash(key, raw) for key, raw in found]

    def restore(self, ino: int, *, parent: int | None = None, name: bytes | None = None) -> Attr:
        """Bring an item back to where it was, or to another place."""

        def op(work: Work) -> Node:
            item = _item(work, ino)
            to, called = item.parent if parent is None else parent, name or item.name
            check_name(called)
            directory, node = work.directory(to), work.node(ino)
            if directory.nlink == 0:
                raise MetaError(errno.ENOENT)
            if work.entry(to, called) is not None:
                raise MetaError(errno.EEXIST)
            _take_out(work, item)
            node.parent = to
            node.nlink = 2 if node.is_directory else 1
            node.ctime_ns = work.now_ns
            if node.is_directory:
                inodes.add_subdirectory(directory)
            work.save(node)
            work.put_entry(to, called, node)
            work.touch_names(directory)
            work.charge_tree(to, 0 if node.is_directory else node.size, 1)
            work.note("restore", ino, to, called)
            return node

        return self._write(op).attr()

    def purge_trash(self, *, older_than_ns: int, limit: int = 10000) -> int:
        """Remove for good what was put in the trash before a time."""
        gone = 0
        while gone < limit:
            page = [
                item
                for item in self.list_trash(limit=min(_AT_ONCE, limit - gone))
                if item.removed_ns < older_than_ns
            ]
            if not page:
                break
            self._write(partial(self._purge, page=page))
            gone += len(page)
        return gone

    def _purge(self, work: Work, page: list[TrashItem]) -> None:
        work.load(
            [item.ino for item in page],
            (),
            (keys.SETTINGS, *(keys.trash(item.removed_ns, item.ino) for item in page)),
        )
        for item in page:
            if work.txn.get(keys.trash(item.removed_ns, item.ino)) is None:
                continue  # restored or purged by somebody else
            _take_out(work, item)
            node = work.find(item.ino)
            if node is not None:
                inodes.bury(work, node, is_open=self._claims(item.ino))
                work.save(node)


def _item(work: Work, ino: int) -> TrashItem:
    removed = work.txn.get(keys.trashed(ino))
    if removed is None:
        raise MetaError(errno.ENOENT)
    key = keys.trash(int.from_bytes(removed, "big"), ino)
    raw = work.txn.get(key)
    if raw is None:
        raise MetaError(errno.ENOENT)
    return records.unpack_trash(key, raw)


def _take_out(work: Work, item: TrashItem) -> None:
    work.txn.delete(keys.trash(item.removed_ns, item.ino))
    work.txn.delete(keys.trashed(item.ino))
