"""The job ``get_image_distribution``: which hosts hold which layers of an image."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dfcore.ids import DEFAULT_FILTERED_QUERY_PARAMS, task_id_by_content, task_id_by_url
from manager.jobs.files import PlannedFile
from manager.jobs.origins import Origins
from manager.jobs.results import job_states
from manager.jobs.runner import Work
from manager.jobs.spec import PreheatSpec
from manager.jobs.swarm import Swarm

AT_ONCE = 16


class ImageDistribution:
    """Handler of ``get_image_distribution``."""

    def __init__(self, origins: Origins, swarm: Swarm) -> None:
        self._origins = origins
        self._swarm = swarm

    async def run(self, work: Work) -> Mapping[str, Any]:
        """The image's layers, and for each host those that it holds whole."""
        spec = PreheatSpec.from_json(work.claim.spec)
        source = await self._origins.source(spec, work.credentials)
        layers = await source.plan(spec)
        clusters = work.claim.cluster_ids
        hosts = {host.id: host for host in await self._swarm.hosts(clusters)}
        limit = asyncio.Semaphore(AT_ONCE)

        async def held(task_id: str) -> Mapping[str, int]:
            async with limit:
                return await self._swarm.holders(clusters, task_id)

        peers: dict[str, list[dict[str, str]]] = {}
        for layer in layers:
            found = await asyncio.gather(*map(held, names_of(layer, spec)))
            whole = {
                host_id
                for holders in found
                for host_id, done_bytes in holders.items()
                if host_id in hosts and done_bytes >= (layer.size_bytes or 1)
            }
            for host_id in sorted(whole):
                peers.setdefault(host_id, []).append({"url": layer.url})
        told = [
            {
                "ip": hosts[host_id].ip,
                "hostname": hosts[host_id].hostname,
                "scheduler_cluster_id": hosts[host_id].cluster_id,
                "image": {"layers": held_layers},
            }
            for host_id, held_layers in peers.items()
        ]
        image = {"layers": [{"url": layer.url} for layer in layers]}
        return {**job_states([]), "image": image, "peers": told}


def names_of(layer: PlannedFile, spec: PreheatSpec) -> tuple[str, str]:
    """The ids under which hosts have a layer: as a preheat brought it, and as a proxy's client did."""
    by_url = task_id_by_url(
        layer.url,
        tag=spec.tag,
        application=spec.application,
        piece_length=spec.piece_length,
        filtered_query_params=(*spec.filtered_query_params, *DEFAULT_FILTERED_QUERY_PARAMS),
    )
    return by_url, task_id_by_content(f"{urlsplit(layer.url).netloc.lower()} {layer.digest}")
