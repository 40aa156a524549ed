"""The open files of one process: what dffs.vfs.api.FilesApi promises.

Keeps one Inode per open inode number, remembers the content of files closed lately, and shares threads,
buffers and caches among all of them.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from dfcore.errors import MeganeuraError
from dffs.blocks.store import BlockStore
from dffs.cache.node import NodeCache
from dffs.cache.staging import Staging
from dffs.meta.api import MetaApi
from dffs.meta.types import Attr, Caller
from dffs.vfs import ranges
from dffs.vfs.api import OpenFileApi
from dffs.vfs.assemble import Assembler
from dffs.vfs.budget import Budget, BufferPool
from dffs.vfs.content import Content
from dffs.vfs.errors import as_os_error
from dffs.vfs.fetcher import Fetcher
from dffs.vfs.inode import Inode
from dffs.vfs.metrics import Counters
from dffs.vfs.openfile import OpenFile
from dffs.vfs.openings import Openings
from dffs.vfs.parts import FilesPolicy, Parts
from dffs.vfs.swarm import Swarm
from dffs.vfs.writeback import Publisher, keep_promises
from dfinfra.logs import get_logger

_log = get_logger("dffs")

_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC
_RECENT_CONTENTS = 256
_RECENT_ROWS = 100_000
_SEEN_VERSIONS = 65536
#: Full blocks that wait for an upload slot; more would only fill the memory.
_WAITING_BLOCKS = 4


class Files:
    """See FilesApi. Closing it does not close meta, blocks or cache, which are the volume's."""

    def __init__(
        self,
        meta: MetaApi,
        blocks: BlockStore,
        cache: NodeCache,
        *,
        policy: FilesPolicy | None = None,
        swarm: Swarm | None = None,
        staging: Staging | None = None,
    ) -> None:
        policy = policy or FilesPolicy()
        self.counters = Counters()
        size = blocks.block_size_bytes
        queue = max(policy.buffer_bytes // size, 1)
        waiting = min(policy.buffer_bytes, (policy.max_uploads + _WAITING_BLOCKS) * size)
        self._parts = Parts(
            meta=meta,
            blocks=blocks,
            cache=cache,
            fetcher=Fetcher(
                blocks, cache, self.counters, threads=policy.max_downloads, queue=queue
            ),
            swarm=swarm,
            staging=staging,
            uploads=ThreadPoolExecutor(policy.max_uploads, thread_name_prefix="dffs-upload"),
            hashing=ThreadPoolExecutor(1, thread_name_prefix="dffs-hash"),
            budget=Budget(waiting, self._relieve),
            pool=BufferPool(size, waiting // size),
            policy=policy,
            counters=self.counters,
        )
        self._lock = threading.Lock()
        self._inodes: dict[int, Inode] = {}
        self._recent: OrderedDict[int, tuple[int, Content]] = OrderedDict()
        self._recent_rows = 0
        self._versions: OrderedDict[int, int] = OrderedDict()
        self._openings = Openings(policy.open_cache_s, policy.open_cache_limit)
        self._assembler = Assembler()
        self._publisher: Publisher | None = None
        if staging is not None:
            keep_promises(self._parts, staging)
            self._publisher = Publisher(self._published)

    # --- opening ------------------------------------------------------------------------------

    def open(self, caller: Caller, ino: int, flags: int) -> OpenFile:
        """See FilesApi."""
        if flags & os.O_TRUNC and (inode := self._inodes.get(ino)) is not None and inode.dirty:
            inode.commit()
        reads = not flags & _CHANGING
        try:
            attr = self._opened_lately(caller, ino) if reads else None
            if attr is None:
                attr = self._parts.meta.open(caller, ino, flags)
                if reads:
                    self._openings.note(caller, attr)
        except MeganeuraError as error:
            raise as_os_error(error) from error
        if flags & os.O_TRUNC:
            self._openings.forget(ino)
        return self.opened(attr, flags)

    def _opened_lately(self, caller: Caller, ino: int) -> Attr | None:
        attr = self._openings.find(caller, ino)
        if attr is None:
            return None
        inode = self._inodes.get(ino)
        present = self._versions.get(ino) if inode is None else inode.attr.version
        if present != attr.version or (inode is not None and inode.dirty):
            self._openings.forget(ino)  # it was changed here
            return None
        self._parts.meta.keep(ino)
        return attr

    def opened(self, attr: Attr, flags: int) -> OpenFile:
        """See FilesApi."""
        with self._lock:
            inode = self._inodes.get(attr.ino)
            if inode is None:
                inode = self._inodes[attr.ino] = Inode(attr, self._parts, self._content_of(attr))
            inode.handles += 1
            keep = self._versions.get(attr.ino) == attr.version and not inode.dirty
            self._note(attr.ino, attr.version)
        inode.refresh(attr)
        self.counters.add("opens")
        return OpenFile(inode, flags, self._parts, keep_cache=keep, hooks=self)

    def _content_of(self, attr: Attr) -> Content | None:
        found = self._recent.pop(attr.ino, None)
        if found is None:
            return None
        self._recent_rows -= len(found[1].blocks)
        if found[0] != attr.version:
            return None
        found[1].digest = found[1].digest or attr.content
        return found[1]

    def _note(self, ino: int, version: int) -> None:
        self._versions[ino] = version
        self._versions.move_to_end(ino)
        if len(self._versions) > _SEEN_VERSIONS:
            self._versions.popitem(last=False)

    def promised(self, inode: Inode) -> None:
        """A handle has promised what was written: publish it."""
        if self._publisher is not None:
            self._publisher.enqueue(inode)

    def released(self, inode: Inode) -> None:
        """A handle is gone."""
        with self._lock:
            inode.handles -= 1
            inode.owed_releases += 1
            if inode.handles == 0 and inode.dirty and self._publisher is not None:
                return  # it is let go when it is published
        self._let_go(inode)

    def _published(self, inode: Inode) -> None:
        self._let_go(inode)

    def _let_go(self, inode: Inode) -> None:
        """Tell the engine which handles are gone, and forget the inode after the last."""
        with self._lock:
            owed, inode.owed_releases = inode.owed_releases, 0
            last = inode.handles == 0 and self._inodes.get(inode.ino) is inode
            if last:
                del self._inodes[inode.ino]
                self._remember(inode)
        if last and inode.dirty:
            inode.discard()
        for _ in range(owed):
            try:
                self._parts.meta.release(inode.ino)
            except (OSError, MeganeuraError) as error:
                _log.warning("release failed", ino=inode.ino, reason=str(error))

    def _remember(self, inode: Inode) -> None:
        self._note(inode.ino, inode.attr.version)
        last = None if inode.dirty else inode.last_content()
        if last is None:
            return
        self._recent[inode.ino] = last
        self._recent_rows += len(last[1].blocks)
        scattered = inode.written or last[1].scattered
        if scattered and len(last[1].blocks) > 1 and inode.attr.nlink:
            self._assembler.add(last[1])
        while len(self._recent) > _RECENT_CONTENTS or self._recent_rows > _RECENT_ROWS:
            _, (_, content) = self._recent.popitem(last=False)
            self._recent_rows -= len(content.blocks)

    # --- what was written here ----------------------------------------------------------------

    def seen(self, attr: Attr) -> Attr:
        """See FilesApi."""
        inode = self._inodes.get(attr.ino)
        return attr if inode is None else inode.seen(attr)

    def truncate(self, caller: Caller, ino: int, size: int) -> Attr:
        """See FilesApi."""
        inode = self._inodes.get(ino)
        self._openings.forget(ino)
        if inode is not None:
            return inode.truncate(caller, size, opened=False)
        try:
            return self._parts.meta.setattr(caller, ino, size=size)
        except MeganeuraError as error:
            raise as_os_error(error) from error

    def copy_range(
        self,
        source: OpenFileApi,
        source_offset: int,
        target: OpenFileApi,
        target_offset: int,
        length: int,
    ) -> int:
        """See FilesApi."""
        assert isinstance(source, OpenFile)
        assert isinstance(target, OpenFile)
        return ranges.copy_range(
            source.inode, source_offset, target.inode, target_offset, length, self._parts
        )

    def flush_ino(self, ino: int) -> None:
        """See FilesApi."""
        inode = self._inodes.get(ino)
        if inode is not None:
            inode.commit()

    def flush_all(self) -> None:
        """See FilesApi. Every file is tried; the first error is raised then."""
        with self._lock:
            inodes = list(self._inodes.values())
        failed: OSError | None = None
        for inode in inodes:
            try:
                inode.commit()
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def changed(self, ino: int) -> None:
        """See FilesApi."""
        self._openings.forget(ino)
        inode = self._inodes.get(ino)
        if inode is not None and not inode.dirty:
            inode.look_again()

    def forget_opening(self, ino: int) -> None:
        """See FilesApi."""
        self._openings.forget(ino)

    def _relieve(self) -> None:
        """Buffers are used up: send what waits for more bytes, of one file after the other."""
        with self._lock:
            inodes = [inode for inode in self._inodes.values() if inode.dirty]
        for inode in inodes:
            if inode.send_open():
                return

    def stats(self) -> dict[str, int]:
        """Counts since the start, and what is in use now."""
        with self._lock:
            now = {"open_files": len(self._inodes), "buffer_bytes": self._parts.budget.used_bytes}
        return {**self.counters.snapshot(), **now}

    def close(self) -> None:
        """See FilesApi."""
        try:
            self.flush_all()
        finally:
            if self._publisher is not None:
                self._publisher.close()
            self._assembler.close()
            self._parts.fetcher.close()
            self._parts.uploads.shutdown()
            self._parts.hashing.shutdown()
            if self._parts.swarm is not None:
                self._parts.swarm.close()
