"""A volume as a library: the metadata engine, the blocks and the open files of one process.

`format_new` makes one, `open` opens it; the mount, the gateway, the commands, the seed peer and
the manager all come in here. Synchronous and thread-safe; close it, or use it as a context manager.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Self

from blobstore import BlobStore, DiskConfig, StoreConfig
from dfcore.errors import BadInput, ConfigError, MeganeuraError, NotFound
from dffs.blocks.codec import Codec
from dffs.blocks.keys import VolumeKeys, new_volume_key, open_key, seal_key
from dffs.blocks.names import Names
from dffs.blocks.store import BlockPolicy, BlockStore
from dffs.cache.node import NodeCache
from dffs.cache.staging import Staging
from dffs.format import Format
from dffs.housekeeper import Housekeeper
from dffs.meta.api import MetaApi
from dffs.meta.fs import open_meta
from dffs.meta.types import Settings
from dffs.object.opening import Location, open_store
from dffs.object.store import ObjectStore
from dffs.options import CacheOptions, VolumeOptions
from dffs.vfs.files import Files
from dffs.vfs.swarm import Swarm
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_PROCESSES_PER_CACHE = 16
_PROBE = "meganeura-probe"


class Volume:
    """Its parts are public: `meta`, `blocks`, `cache`, `files`, `format`, `settings`."""

    def __init__(
        self,
        meta: MetaApi,
        record: Format,
        blocks: BlockStore,
        cache: NodeCache,
        files: Files,
        options: VolumeOptions,
    ) -> None:
        self.meta = meta
        self.format = record
        self.blocks = blocks
        self.cache = cache
        self.files = files
        self.settings = meta.get_settings()
        self._options = options
        background = options.background
        self._housekeeper = Housekeeper(meta, blocks, self.reload) if background else None

    @property
    def name(self) -> str:
        """The volume's name."""
        return self.format.name

    # --- making -------------------------------------------------------------------------------

    @staticmethod
    def format_new(
        meta_url: str,
        record: Format,
        settings: Settings | None = None,
        *,
        passphrase: bytes = b"",
        force: bool = False,
    ) -> Format:
        """Make a volume; its record, completed. MetaError EEXIST if the engine has one already.

        The bucket is tried first: an object is put, read back and deleted. BadInput if another
        volume of that name lives there, unless `force`.
        """
        record = _completed(record, passphrase)
        store = open_store(Location.of(record))
        try:
            _probe(store, record.name)
            _claim(store, record, force=force)
            settings = settings or Settings(block_size_bytes=record.block_size_bytes, trash_s=86400)
            meta = open_meta(meta_url)
            try:
                meta.create_volume(settings, record.to_json().encode(), force=force)
            finally:
                meta.close()
        finally:
            store.close()
        return record

    @classmethod
    def open(cls, meta_url: str, options: VolumeOptions | None = None) -> Self:
        """Open a volume. NotFound if the engine holds none, Denied for a wrong passphrase."""
        options = options or VolumeOptions()
        meta = open_meta(meta_url, read_only=options.read_only, atime_mode=options.atime_mode)
        try:
            record = Format.from_json(meta.get_format().decode())
            blocks = open_blocks(record, options)
            cache = open_cache(record, options.cache, blocks.codec)
            files = Files(
                meta,
                blocks,
                cache,
                policy=options.files,
                swarm=open_swarm(record, options),
                staging=open_staging(cache, options),
            )
            if options.session:
                meta.open_session(mount_point=options.mount_point)
            return cls(meta, record, blocks, cache, files, options)
        except BaseException:
            meta.close()
            raise

    # --- life ---------------------------------------------------------------------------------

    def reload(self) -> None:
        """Take over what `dffs config` changed meanwhile: keys, limits, compression."""
        before, self.format = self.format, Format.from_json(self.meta.get_format().decode())
        self.settings = self.meta.get_settings()
        if self.format != before:
            _log.info("settings of the volume have changed", volume=self.name)
            self.blocks.become(open_blocks(self.format, self._options))

    def close(self) -> None:
        """Flush and end the session. Raises what could not be flushed, when all else is closed."""
        if self._housekeeper is not None:
            self._housekeeper.close()
        try:
            self.files.close()
        finally:
            self.cache.close()
            self.blocks.close()
            self.meta.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_blocks(record: Format, options: VolumeOptions) -> BlockStore:
    """The blocks of a volume, without its metadata."""
    keys = None
    if record.encryption != "none":
        if not options.passphrase:
            raise BadInput(f"volume {record.name} is encrypted: its passphrase is needed")
        keys = VolumeKeys.derive(open_key(record.wrapped_key, options.passphrase))
    return BlockStore(
        open_store(Location.of(record, options.timeouts)),
        Names(record.name, None if keys is None else keys.names),
        Codec.of(record, keys),
        block_size_bytes=record.block_size_bytes,
        policy=BlockPolicy(
            options.retry,
            options.files.max_uploads,
            options.upload_limit_bytes_s or record.upload_limit_bytes_s,
            options.download_limit_bytes_s or record.download_limit_bytes_s,
        ),
    )


def open_swarm(record: Format, options: VolumeOptions) -> Swarm | None:
    """The node's dfdaemon, if it is to be asked."""
    if options.daemon_socket is None:
        return None
    from dffs.cache.daemon import DaemonSwarm

    return DaemonSwarm(options.daemon_socket, record.uuid, public=record.public_files)


def open_staging(cache: NodeCache, options: VolumeOptions) -> Staging | None:
    """Where --writeback keeps files until they are published: beside the cache."""
    if not options.writeback:
        return None
    if cache.folder is None:
        raise BadInput("--writeback needs a --cache-dir: memory does not survive a crash")
    return Staging(cache, cache.folder.with_name(f"{cache.folder.name}-staging"))


def open_cache(record: Format, options: CacheOptions, codec: Codec) -> NodeCache:
    """The node's cache. One process writes a store: each further one of this volume has its own."""
    if options.encrypt and record.encryption == "none":
        raise BadInput("--cache-encrypt: the volume is not encrypted, there is no key")
    if not options.dirs:
        return NodeCache(None, memory_bytes=options.memory_bytes)
    for number in range(1, _PROCESSES_PER_CACHE + 1):
        name = record.uuid if number == 1 else f"{record.uuid}-{number}"
        disks = tuple(_disk(path / name, options) for path in options.dirs)
        try:
            store = BlobStore(StoreConfig(disks)).open()
        except ConfigError:
            continue
        folder = options.dirs[0] / name
        seal = codec if options.encrypt else None
        return NodeCache(store, memory_bytes=options.memory_bytes, folder=folder, seal=seal)
    raise ConfigError(f"cache {options.dirs[0]}: {_PROCESSES_PER_CACHE} processes use it already")


def _disk(path: Path, options: CacheOptions) -> DiskConfig:
    share = max(options.size_bytes // len(options.dirs), 1)
    return DiskConfig(path, size_limit_bytes=share, free_ratio=options.free_ratio)


def _completed(record: Format, passphrase: bytes) -> Format:
    sealed = record.compression != "none" or record.encryption != "none"
    wrapped = record.wrapped_key
    if record.encryption != "none" and not wrapped:
        wrapped = seal_key(new_volume_key(), passphrase)
    created = record.created_ns or time.time_ns()
    return record.changed(sealed_objects=sealed, wrapped_key=wrapped, created_ns=created)


def _probe(store: ObjectStore, name: str) -> None:
    """The bucket can be used: written, read and deleted."""
    probe = f"{name}/{_PROBE}-{time.time_ns():x}"
    try:
        store.put(probe, b"meganeura")
        if bytes(store.get(probe)) != b"meganeura":
            raise BadInput(f"bucket {store.url} does not give back what was put there")
        store.delete([probe])
    except MeganeuraError as error:
        raise BadInput(f"bucket {store.url} cannot be used: {error}") from error


def _claim(store: ObjectStore, record: Format, *, force: bool) -> None:
    marker = Names(record.name).marker
    body = json.dumps({"uuid": record.uuid, "name": record.name, "version": record.version})
    if force:
        store.put(marker, body.encode())
        return
    if store.put(marker, body.encode(), create=True):
        return
    try:
        owner = json.loads(bytes(store.get(marker))).get("uuid")
    except (NotFound, ValueError):
        owner = None
    if owner != record.uuid:
        raise BadInput(
            f"bucket {store.url} holds another volume named {record.name}: choose another name,"
            " destroy that volume, or use --force"
        )
