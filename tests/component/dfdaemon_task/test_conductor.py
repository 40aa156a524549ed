"""The shell of a download on a real store: what the store holds and what the machine knows agree."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from prometheus_client import CollectorRegistry

from blobstore.blob import Blob
from dfcore.digest import Digest, unit_digest
from dfcore.pieces import Geometry
from dfdaemon.fetch.requests import UnitReceived, UnitRequest
from dfdaemon.task import events as it
from dfdaemon.task.conductor import Conductor
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.spec import TaskSpec

SIZE = 1 << 20
SPEC = TaskSpec("http://origin.test/f", digest=Digest("sha256", "ab" * 32), size_bytes=SIZE)
GEOMETRY = Geometry.for_size(SIZE)
PARENT = it.ParentAddress("peer", "host", "127.0.0.1", 4005)
UNIT = bytes(GEOMETRY.unit_length)
TRAFFIC = "meganeura_download_traffic_bytes_total"


class LateParent:
    """A parent pool whose transfers commit their unit and are cancelled before they can tell."""

    def __init__(self) -> None:
        self.committed = asyncio.Event()

    async def fetch(
        self, _address: object, request: UnitRequest, blob: Blob, *_args: Any, **_kwargs: Any
    ) -> UnitReceived:
        assert request.unit is not None
        blob.write_at(request.unit * len(UNIT), UNIT)
        blob.commit(request.unit, unit_digest(UNIT))
        self.committed.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_unit_that_came_with_the_cancellation_of_its_transfer_is_not_lost(
    parts: EngineParts, registry: CollectorRegistry
) -> None:
    parents = LateParent()
    parts = replace(parts, parents=cast(Any, parents))
    conductor = Conductor(SPEC, parts, lambda _: None)
    conductor.start(None)
    conductor.post(it.CandidatesNamed((PARENT,)))
    offer = it.Offer(GEOMETRY)
    conductor.post(it.ParentJoined("peer", offer, 1, {0: unit_digest(UNIT)}))
    async with asyncio.timeout(10):
        await parents.committed.wait()
        conductor.post(it.ParentLost("peer", "it died"))
        while not registry.get_sample_value(TRAFFIC, {"source": "peer"}):  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert registry.get_sample_value(TRAFFIC, {"source": "peer"}) == len(UNIT)
    await conductor.aclose()
