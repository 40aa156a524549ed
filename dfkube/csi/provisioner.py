"""Makes volumes for claims, and removes them: what the CSI project's provisioner sidecar does, in place.

It looks at all there is whenever something has changed, and makes up the difference; each step may be
done twice, so nothing need be remembered.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from dfcore.errors import MeganeuraError, NotFound
from dfinfra import jobs
from dfinfra.logs import get_logger
from dfinfra.offload import Pool
from dfkube.csi import claims
from dfkube.csi.access import Key, configured_key
from dfkube.csi.config import CsiConfig
from dfkube.csi.controller import make_folder, remove_folder
from dfkube.csi.kubeapi import KubeApi

CLAIMS = "/api/v1/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
LOOK_S = 60.0
"""How often it looks although nothing has changed: what failed is tried again then."""
RETRY_S = 2.0

_log = get_logger("csi")


class Provisioner:
    """Of one cluster; implements ``dfinfra.lifecycle.Service``."""

    name = "provisioner"

    def __init__(self, config: CsiConfig, api: KubeApi, pool: Pool) -> None:
        self._config = config
        self._api = api
        self._pool = pool
        self._jobs = jobs.JobGroup("provisioner")
        self._changed = asyncio.Event()
        self._told: dict[str, str] = {}

    async def start(self) -> None:
        await self._api.open()
        for path in (CLAIMS, VOLUMES):
            self._jobs.spawn(self._watch(path), name=f"watch {path}", vital=True)
        self._jobs.spawn(self._work(), name="work", vital=True)

    async def stop(self) -> None:
        await self._jobs.cancel_all()
        await self._api.aclose()

    async def _watch(self, path: str) -> None:
        while True:
            try:
                async for _ in self._api.changes(path):
                    self._changed.set()
            except MeganeuraError as error:
                _log.warning("not watching", path=path, reason=str(error))
                await asyncio.sleep(RETRY_S)

    async def _work(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self.settle()
            except MeganeuraError as error:
                _log.warning("cannot look at claims", reason=str(error))
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                self._told.clear()

    async def settle(self) -> None:
        """Give every claim its volume, and take away those that nobody claims. Raises Unavailable."""
        driver = self._config.name
        found = await self._api.list(CLASSES)
        classes = {c["metadata"]["name"]: c for c in found if c["provisioner"] == driver}
        for claim in await self._api.list(CLAIMS):
            if claims.waits(claim, driver):
                try:
                    await self._provide(claims.order(claim, classes))
                except MeganeuraError as error:
                    await self._complain(claim, str(error))
        for volume in await self._api.list(VOLUMES):
            if claims.is_to_go(volume, driver):
                try:
                    await self._remove(volume)
                except MeganeuraError as error:
                    name = volume["metadata"]["name"]
                    _log.warning("a volume stays", volume=name, reason=str(error))

    async def _provide(self, order: claims.Order) -> None:
        key = self._key(order.volume)
        await self._pool.run(make_folder, key, f"/{order.folder}", order.size_bytes)
        await self._api.create(VOLUMES, claims.volume(order, self._config.name))
        _log.info("volume made", volume=order.name, size_bytes=order.size_bytes)

    async def _remove(self, volume: dict[str, Any]) -> None:
        where = volume["spec"]["csi"]["volumeAttributes"]
        name = volume["spec"]["csi"]["volumeHandle"]
        if where.get("subPath") == f"{claims.FOLDER}/{name}":
            key = self._key(where["volume"])
            await self._pool.run(remove_folder, key, f"/{claims.FOLDER}/{name}")
        await self._api.delete(f"{VOLUMES}/{volume['metadata']['name']}")
        _log.info("volume removed", volume=name)

    def _key(self, name: str) -> Key:
        volume = self._config.volumes.get(name)
        if volume is None:
            raise NotFound(f"parameters.volume: {name!r} is not known to the driver")
        return configured_key(volume)

    async def _complain(self, claim: dict[str, Any], reason: str) -> None:
        """Where `kubectl describe` shows it; the same words once only, until it is tried again."""
        about = claim["metadata"]
        if self._told.get(about["uid"]) == reason:
            return
        self._told[about["uid"]] = reason
        _log.warning("no volume", claim=f"{about['namespace']}/{about['name']}", reason=reason)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{about['name']}.", "namespace": about["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: about[key] for key in ("name", "namespace", "uid")},
            },
            "reason": "ProvisioningFailed",
            "message": reason,
            "type": "Warning",
            "source": {"component": self._config.name},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._api.create(f"/api/v1/namespaces/{about['namespace']}/events", event)
        except MeganeuraError as error:
            _log.warning("not told in the cluster", reason=str(error))
