"""The volume as a whole: made, described, limited, measured, destroyed."""

from __future__ import annotations

import errno

from dfcore.errors import NotFound
from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.inodes import DIRECTORY_BYTES
from dffs.meta.kv import Txn
from dffs.meta.records import Node
from dffs.meta.types import ROOT_INO, FileKind, MetaError, Settings, VolumeUsage
from dffs.meta.work import Work

_BLOCK_BYTES = (64 * 1024, 64 * 2**20)


class Volume(Core):
    """Settings, format record, use."""

    def create_volume(
        self, settings: Settings, format_record: bytes, *, force: bool = False
    ) -> None:
        """Make an empty volume; with `force` an existing one gets new records."""
        _check_settings(settings)

        def op(work: Work) -> None:
            if work.txn.get(keys.FORMAT) is not None and not force:
                raise MetaError(errno.EEXIST, "there is a volume in this engine already")
            work.txn.put(keys.FORMAT, format_record)
            if work.find(ROOT_INO) is None:
                now_ns = work.now_ns
                root = Node(
                    *(ROOT_INO, FileKind.DIRECTORY, 0, 0o777, 0, 0, 2, DIRECTORY_BYTES, 0),
                    *(now_ns, now_ns, now_ns, ROOT_INO),
                )
                work.save(root)
                work.txn.put(keys.SETTINGS, records.pack_settings(settings))
            else:
                _replace_settings(work, settings)

        self._write(op)

    def get_format(self) -> bytes:
        """The format record."""
        raw = self.engine.transact(lambda txn: txn.get(keys.FORMAT), read_only=True)
        if raw is None:
            raise NotFound(f"there is no volume in {self.engine.url}: make one with `dffs format`")
        return raw

    def set_format(self, record: bytes) -> None:
        """Replace the format record."""
        self._write(lambda work: work.txn.put(keys.FORMAT, record))

    def get_settings(self) -> Settings:
        """The settings as they are now."""
        return self._read(lambda work: work.settings)

    def set_settings(self, settings: Settings) -> None:
        """Change the settings for all nodes."""
        _check_settings(settings)

        def op(work: Work) -> None:
            _replace_settings(work, settings)
            work.note("settings", 0)

        self._write(op)

    def destroy(self) -> None:
        """Remove every key of the volume from the engine."""
        if self.read_only:
            raise MetaError(errno.EROFS)
        self.engine.clear()

    def statfs(self) -> VolumeUsage:
        """Bytes and inodes in use and their limits."""

        def op(txn: Txn) -> VolumeUsage:
            raw = txn.get(keys.SETTINGS)
            settings = self.parse_settings(raw) if raw else Settings()
            return VolumeUsage(
                max(0, txn.counter(keys.USED_BYTES)),
                max(0, txn.counter(keys.USED_INODES)) + 1,  # the root, which nobody made
                settings.capacity_bytes,
                settings.capacity_inodes,
            )

        return self.engine.transact(op, read_only=True)

    def sync(self) -> None:
        """Return when all that was committed survives a power cut."""
        self.engine.sync()


def _check_settings(settings: Settings) -> None:
    low, high = _BLOCK_BYTES
    size = settings.block_size_bytes
    if not low <= size <= high or size & (size - 1):
        raise MetaError(
            errno.EINVAL, f"a block of {size} bytes: allowed are powers of two, 64 KiB to 64 MiB"
        )
    if settings.capacity_bytes < 0 or settings.capacity_inodes < 0 or settings.trash_s < 0:
        raise MetaError(errno.EINVAL, "limits and times are not negative")


def _replace_settings(work: Work, settings: Settings) -> None:
    old = work.settings
    if settings.block_size_bytes != old.block_size_bytes:
        raise MetaError(errno.EINVAL, "the block size of a volume cannot change")
    if old.acl and not settings.acl:
        raise MetaError(errno.EINVAL, "ACLs cannot be turned off again")
    work.txn.put(keys.SETTINGS, records.pack_settings(settings))
