"""Limits on directories and users. The use is counted in the transaction that causes it."""

from __future__ import annotations

import errno
from dataclasses import replace

from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.kv import Txn, chunked
from dffs.meta.records import Node
from dffs.meta.trees import Trees
from dffs.meta.types import MetaError, Quota, QuotaKind
from dffs.meta.work import Work


class Quotas(Trees, Core):
    """Limits and their use."""

    def set_quota(self, kind: QuotaKind, key: int, *, max_bytes: int, max_inodes: int) -> Quota:
        """Set a limit; its use is counted when it is new."""
        if max_bytes < 0 or max_inodes < 0 or key < 0:
            raise MetaError(errno.EINVAL)

        def op(work: Work) -> bool:
            if kind == QuotaKind.DIRECTORY:
                work.directory(key)
            settings = work.settings
            is_new = work.txn.get(keys.quota(kind, key)) is None
            work.txn.put(keys.quota(kind, key), records.pack_quota(max_bytes, max_inodes))
            on = "directory_quotas" if kind == QuotaKind.DIRECTORY else "user_quotas"
            if not getattr(settings, on):
                changed = replace(settings, **{on: True})
                work.txn.put(keys.SETTINGS, records.pack_settings(changed))
            return is_new

        if self._write(op):
            self.check_quota(kind, key, repair=True)
        quota = self.get_quota(kind, key)
        if quota is None:
            raise MetaError(errno.ENOENT)
        return quota

    def get_quota(self, kind: QuotaKind, key: int) -> Quota | None:
        """A limit and its use."""
        return self._read(lambda work: _quota(work.txn, kind, key))

    def list_quotas(self) -> list[Quota]:
        """All limits."""

        def op(work: Work) -> list[Quota]:
            found = work.txn.scan(keys.QUOTA, keys.after(keys.QUOTA), keys_only=True)
            quotas = [_quota(work.txn, QuotaKind(key[1]), keys.number(key, 2)) for key, _ in found]
            return [quota for quota in quotas if quota is not None]

        return self._read(op)

    def delete_quota(self, kind: QuotaKind, key: int) -> bool:
        """Drop a limit."""
        return self._write(lambda work: work.drop_quota(kind, key))

    def check_quota(
        self, kind: QuotaKind, key: int, *, repair: bool = False
    ) -> tuple[Quota, Quota]:
        """The quota as it is noted, and as counting gives it."""
        noted = self.get_quota(kind, key)
        if noted is None:
            raise MetaError(errno.ENOENT)
        if kind == QuotaKind.DIRECTORY:
            size_bytes, inodes = self._count_tree(key)
        else:
            size_bytes, inodes = self._count_user(key)
        counted = noted._replace(used_bytes=size_bytes, used_inodes=inodes)
        if repair and counted != noted:

            def op(work: Work) -> None:
                work.txn.add(keys.quota_use(kind, key, b"b"), size_bytes - noted.used_bytes)
                work.txn.add(keys.quota_use(kind, key, b"i"), inodes - noted.used_inodes)

            self._write(op)
        return noted, counted

    def _count_tree(self, ino: int) -> tuple[int, int]:
        """Bytes and names below a directory, itself not included: what is charged to it."""
        size_bytes = inodes = 0
        for page in self.walk(ino):
            for _, _, node in page:
                inodes += 1
                size_bytes += 0 if node.is_directory else node.size
        return size_bytes, inodes

    def _count_user(self, uid: int) -> tuple[int, int]:
        size_bytes = inodes = 0
        orphans = {
            keys.number(key)
            for key, _ in chunked(self.engine, keys.ORPHAN, keys.after(keys.ORPHAN))
        }
        for key, raw in chunked(self.engine, keys.INODE, keys.after(keys.INODE)):
            node = Node.unpack(keys.number(key), raw)
            if node.uid == uid and node.ino not in orphans:
                inodes += 1
                size_bytes += 0 if node.is_directory else node.size
        return size_bytes, inodes


def _quota(txn: Txn, kind: QuotaKind, key: int) -> Quota | None:
    raw = txn.get(keys.quota(kind, key))
    if raw is None:
        return None
    max_bytes, max_inodes = records.unpack_quota(raw)
    used = [txn.counter(keys.quota_use(kind, key, what)) for what in (b"b", b"i")]
    return Quota(kind, key, max_bytes, max_inodes, *used)
