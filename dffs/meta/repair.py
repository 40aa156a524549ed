"""What `check` does about each kind of contradiction: one small transaction each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.kv import Txn
from dffs.meta.records import Node, Reference
from dffs.meta.types import ROOT_CALLER, ROOT_INO, FileKind, Quota, QuotaKind
from dffs.meta.work import Work

LOST_AND_FOUND = b"lost+found"
Repair = Callable[[], None]


class _Quotas(Protocol):
    def check_quota(
        self, kind: QuotaKind, key: int, *, repair: bool = False
    ) -> tuple[Quota, Quota]: ...


class Repairs:
    """Makes the functions that put things right."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def remove_key(self, key: bytes) -> Repair:
        """Remove a record that means nothing."""
        return self._transaction(lambda txn: txn.delete(key))

    def add(self, counter: bytes, delta: int) -> Repair:
        """Correct a counter."""
        return self._transaction(lambda txn: txn.add(counter, delta))

    def set_entry(self, key: bytes, node: Node) -> Repair:
        """Let an entry tell its inode's kind."""
        return self._transaction(lambda txn: txn.put(key, records.pack_entry(node.ino, node.kind)))

    def set_links(self, ino: int, nlink: int) -> Repair:
        """Correct a link count."""
        return self._change(ino, lambda node: setattr(node, "nlink", nlink))

    def set_parent(self, ino: int, parent: int) -> Repair:
        """Correct where an inode says it is."""
        return self._change(ino, lambda node: setattr(node, "parent", parent))

    def set_uses(self, digest: bytes, uses: int, stored_bytes: int) -> Repair:
        """Correct how often a block is used."""

        def op(work: Work) -> None:
            raw = work.txn.get(keys.reference(digest))
            if raw is None:
                reference = Reference(0, stored_bytes, Reference.STORED, work.now_ns)
            else:
                reference = Reference.unpack(raw)
                work.txn.delete(keys.unreferenced(reference.since_ns, digest))
            reference.count = uses
            if uses:
                reference.state = Reference.STORED
            else:
                reference.since_ns = work.now_ns
                work.txn.put(keys.unreferenced(work.now_ns, digest), b"")
            work.txn.put(keys.reference(digest), reference.pack())

        return lambda: self._core._write(op)

    def rescue(self, ino: int, entry: bytes | None = None) -> Repair:
        """Give an inode that no name leads to one in /lost+found."""

        def op(work: Work) -> None:
            if entry is not None:
                work.txn.delete(entry)
            node = work.node(ino)
            directory = self._lost_and_found(work)
            work.put_entry(directory.ino, b"%d" % ino, node)
            node.parent = directory.ino
            if node.is_directory:
                directory.nlink += 1
            else:
                node.nlink = 1
            work.save(node)
            work.touch_names(directory)

        new_ino = self._core._new_ino
        self._spare = 0

        def run() -> None:
            self._spare = self._spare or new_ino()
            self._core._write(op)

        return run

    def _lost_and_found(self, work: Work) -> Node:
        found = work.entry(ROOT_INO, LOST_AND_FOUND)
        if found is not None:
            return work.directory(found)
        root, now_ns = work.directory(ROOT_INO), work.now_ns
        node = Node(
            *(self._spare, FileKind.DIRECTORY, 0, 0o700, ROOT_CALLER.uid, ROOT_CALLER.gid, 2),
            *(4096, 0, now_ns, now_ns, now_ns, ROOT_INO),
        )
        self._spare = 0
        root.nlink += 1
        work.save(root)
        work.save(node)
        work.put_entry(ROOT_INO, LOST_AND_FOUND, node)
        work.charge(node, 0, 1)
        return node

    def compare_quota(self, kind: QuotaKind, key: int) -> tuple[Quota, Quota]:
        """A quota as noted and as counted."""
        return self._quotas.check_quota(kind, key)

    def count_quota(self, kind: QuotaKind, key: int) -> Repair:
        """Correct a quota's use."""

        def run() -> None:
            self._quotas.check_quota(kind, key, repair=True)

        return run

    @property
    def _quotas(self) -> _Quotas:
        core: object = self._core
        assert hasattr(core, "check_quota")
        return core

    def _transaction(self, op: Callable[[Txn], None]) -> Repair:
        return lambda: self._core.engine.transact(op)

    def _change(self, ino: int, change: Callable[[Node], None]) -> Repair:
        def op(work: Work) -> None:
            node = work.find(ino)
            if node is not None:
                change(node)
                work.save(node)

        return lambda: self._core._write(op)
