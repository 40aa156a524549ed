"""The seed's memory: a volume that is asked before the origin, and where assembled blobs are kept.

What `dfdaemon.task.memory.Memory` promises. A volume that cannot be reached costs a log line and a
request to the origin, never the task.
"""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import quote

from blobstore.blob import Blob
from dfcore.digest import Digest
from dfcore.errors import MeganeuraError, OriginRefused
from dfdaemon.fetch.exchange import OriginRequest
from dfdaemon.fetch.origin import OriginConfig, OriginPool, OriginStream
from dfdaemon.hub.urls import HubUrl, hub_url_of_page
from dfdaemon.task.memory import PUBLIC, VOLUME_SCHEME, AtOrigin
from dfdaemon.task.service import HubGateway
from dfdaemon.task.spec import Headers, TaskSpec
from dffs.options import VolumeOptions
from dffs.vfs.parts import FilesPolicy
from dffs.volume import Volume
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.offload import Pool
from seedpeer.config import ObjectStoreConfig
from seedpeer.contents import Contents
from seedpeer.hublayout import Place, place_of
from seedpeer.keep import Keeper

_log = get_logger("seedpeer")

#: How long "the volume does not have it" is believed.
_ABSENT_S = 10.0
_MOST_ABSENT = 10_000
_BRANCH = "main"


class VolumeMemory:
    """A service: opens the volume when it starts, finishes what waits to be kept when it stops."""

    name = "memory"

    def __init__(self, config: ObjectStoreConfig, meta_url: str, hub_base: str) -> None:
        self._config = config
        self._meta_url = meta_url
        self._hub_base = hub_base
        self._hub: HubGateway | None = None
        self._disk = Pool("memory", 8)
        self._local = OriginPool(OriginConfig())
        self._absent: dict[str, float] = {}
        self._kept: set[str] = set()
        self._refs: set[str] = set()
        self._jobs = JobGroup("memory")
        self._queue: asyncio.Queue[tuple[TaskSpec, Blob]] = asyncio.Queue(config.queue)

    def meet(self, hub: HubGateway) -> None:
        """Who tells which branches are at a commit."""
        self._hub = hub

    async def start(self) -> None:
        """Open the volume. ConfigError, BadInput, Unavailable if it cannot be."""
        self._volume = await self._disk.run(self._open)
        self._keeper = Keeper(self._volume)
        self._contents = Contents(self._volume, self._disk)
        await self._contents.start()
        self._jobs.spawn(self._keep_on(), name="keep", vital=True)
        _log.info("memory is open", volume=self._volume.name, store=self._volume.blocks.url)

    def _open(self) -> Volume:
        file = self._config.passphrase_file
        options = VolumeOptions(
            passphrase=file.read_bytes().strip() if file else b"",
            files=FilesPolicy(buffer_bytes=self._config.buffer_size_bytes, cache_writes=False),
            mount_point="seedpeer",
            background=True,
        )
        return Volume.open(self._meta_url, options)

    async def stop(self) -> None:
        """Keep what waits, as long as the stop may take, and close the volume."""
        try:
            await self._queue.join()
        finally:
            await self._jobs.cancel_all()
            await self._contents.stop()
            await self._local.aclose()
            await self._disk.run(self._volume.close)
            self._disk.close()

    # --- asked before the origin --------------------------------------------------------------

    async def open(self, spec: TaskSpec, request: OriginRequest, at: AtOrigin) -> OriginStream:
        """See Memory."""
        ino = await self._locate(spec)
        if ino is None:
            if spec.url.startswith(VOLUME_SCHEME):
                raise OriginRefused(404, {}, b"the volume has no file with this content")
            return await at(request)
        self._kept.add(spec.task_id)
        here = OriginRequest(
            self._contents.url(ino), {}, request.range, size_bytes=request.size_bytes
        )
        try:
            return await self._local.open(here)
        except MeganeuraError as error:
            if spec.url.startswith(VOLUME_SCHEME):
                raise
            _log.warning("the volume cannot give it, asking the origin", reason=str(error))
            return await at(request)

    async def _locate(self, spec: TaskSpec) -> int | None:
        digest = spec.digest
        if digest is None or not self._is_ours(spec):
            return None
        until = self._absent.get(spec.task_id, 0.0)
        if until > time.monotonic():
            return None
        try:
            ino = await self._disk.run(self._find, spec, digest)
        except (MeganeuraError, OSError) as error:
            _log.warning("the volume cannot be asked", reason=str(error))
            return None
        if ino is None:
            if len(self._absent) >= _MOST_ABSENT:
                self._absent.clear()
            self._absent[spec.task_id] = time.monotonic() + _ABSENT_S
        return ino

    def _is_ours(self, spec: TaskSpec) -> bool:
        """A volume's file is asked of that volume, and in the clear only if it is everybody's."""
        if not spec.url.startswith(VOLUME_SCHEME):
            return True
        record = self._volume.format
        if not spec.url.startswith(f"{VOLUME_SCHEME}{record.uuid}/"):
            return False
        return record.public_files or not spec.url.endswith(PUBLIC)

    def _find(self, spec: TaskSpec, digest: Digest) -> int | None:
        if digest.algorithm == "sha256":
            return self._volume.meta.by_content(str(digest))
        found = self._keeper.find(place_of(self._page(spec), digest).blob)
        return None if found is None else found.ino

    def _page(self, spec: TaskSpec) -> HubUrl | None:
        return hub_url_of_page(spec.url, self._hub_base)

    # --- keeping ------------------------------------------------------------------------------

    def sealed(self, spec: TaskSpec, blob: Blob) -> None:
        """See Memory."""
        if spec.task_id in self._kept:
            self._kept.discard(spec.task_id)
            if self._page(spec) is None:
                return
        if not self._config.keep or spec.digest is None or spec.url.startswith(VOLUME_SCHEME):
            return
        try:
            self._queue.put_nowait((spec, blob))
        except asyncio.QueueFull:
            _log.warning("too many blobs wait: this one is not kept", task=spec.task_id)

    async def _keep_on(self) -> None:
        while True:
            spec, blob = await self._queue.get()
            try:
                await self._keep(spec, blob)
            except (MeganeuraError, OSError) as error:
                _log.warning("blob is not kept", task=spec.task_id, reason=str(error))
            finally:
                self._queue.task_done()

    async def _keep(self, spec: TaskSpec, blob: Blob) -> None:
        assert spec.digest is not None
        page = self._page(spec)
        place = place_of(page, spec.digest)
        new = await self._disk.run(
            self._keeper.put, blob, spec.digest, place, restricted=spec.restricted
        )
        self._absent.pop(spec.task_id, None)
        if new:
            _log.info("blob is kept", task=spec.task_id, path=place.blob, bytes=blob.size_bytes)
        if page is not None and place.refs:
            await self._note_branch(page, place, spec.request_headers)

    async def _note_branch(self, page: HubUrl, place: Place, headers: Headers) -> None:
        """If the main branch is at the commit, say so: a cache is used by the branch's name."""
        told = f"{place.refs}@{page.revision}"
        if self._hub is None or told in self._refs:
            return
        self._refs.add(told)
        target = f"/api/{page.repo.type}/{page.repo.id}/revision/{quote(_BRANCH, safe='')}"
        try:
            answer = await self._hub.ask("GET", self._hub_base + target, headers)
            commit = json.loads(answer.body).get("sha") if answer.status == 200 else None
        except (MeganeuraError, ValueError, AttributeError) as error:
            _log.info("the Hub does not tell its main branch", reason=str(error))
            return
        if commit == page.revision:
            await self._disk.run(self._keeper.ref, place.refs, _BRANCH, commit)
