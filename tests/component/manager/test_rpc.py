"""manager.v2 and the stream of configurations, as schedulers, seeds and nodes use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from dfinfra.jobs import spawn
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import managerlink_pb2 as link
from tests.component.manager.bed import Bed

IP = "10.0.0.1"


async def _until(check: Any, timeout_s: float = 10.0) -> Any:
    """What the check gives, once it is true."""
    async with asyncio.timeout(timeout_s):
        while not (found := await check()):  # noqa: ASYNC110 - asked over the network
            await asyncio.sleep(0.02)
    return found


async def _scheduler(bed: Bed, name: str, cluster: int = 1) -> Any:
    """A scheduler that has registered and stays alive; returns its call."""
    await bed.manager.UpdateScheduler(
        pb.UpdateSchedulerRequest(hostname=name, ip=IP, port=8002, scheduler_cluster_id=cluster)
    )

    async def signs() -> AsyncIterator[pb.KeepAliveRequest]:
        while True:
            yield pb.KeepAliveRequest(
                source_type=pb.SCHEDULER_SOURCE, hostname=name, ip=IP, cluster_id=cluster
            )
            await asyncio.sleep(0.1)

    return bed.manager.KeepAlive(signs())


async def _seed(bed: Bed, name: str = "seed-1", cluster: int = 1) -> pb.SeedPeer:
    request = pb.UpdateSeedPeerRequest(
        source_type=pb.SEED_PEER_SOURCE,
        hostname=name,
        type="super",
        ip=IP,
        port=4000,
        download_port=4001,
        seed_peer_cluster_id=cluster,
    )
    found: pb.SeedPeer = await bed.manager.UpdateSeedPeer(request)
    return found


async def _listed(bed: Bed, **of: Any) -> list[str]:
    request = pb.ListSchedulersRequest(
        source_type=pb.PEER_SOURCE, **{"hostname": "node", "ip": "10.9.9.9", **of}
    )
    answer = await bed.manager.ListSchedulers(request)
    return [one.hostname for one in answer.schedulers]


async def _cluster(bed: Bed, name: str, **scopes: Any) -> int:
    root = await bed.root()
    made = await root.done("POST", "/api/v1/clusters", {"name": name, "scopes": scopes})
    return int(made["id"])


async def test_a_scheduler_is_listed_while_it_is_alive(bed: Bed) -> None:
    assert await _listed(bed) == []
    alive = await _scheduler(bed, "one")
    await _until(lambda: _listed(bed))
    alive.cancel()

    async def gone() -> bool:
        return not await _listed(bed)

    await _until(gone)


async def test_what_a_scheduler_is_told_of_itself(bed: Bed) -> None:
    await _seed(bed)
    alive = await _scheduler(bed, "one")
    request = pb.GetSchedulerRequest(hostname="one", ip=IP, scheduler_cluster_id=1)

    async def with_seed() -> Any:
        told = await bed.manager.GetScheduler(request)
        return told if told.seed_peers else None

    told = await _until(with_seed)
    assert told.scheduler_cluster.name == "cluster-1"
    assert b"candidate_parent_limit" in told.scheduler_cluster.config
    assert [seed.hostname for seed in told.seed_peers] == ["seed-1"]
    alive.cancel()


async def test_a_seed_registers_is_found_and_leaves(bed: Bed) -> None:
    made = await _seed(bed)
    again = await _seed(bed)
    assert (made.id, made.state) == (again.id, "active")
    key = {"hostname": "seed-1", "ip": IP, "seed_peer_cluster_id": 1}
    told = await bed.manager.GetSeedPeer(pb.GetSeedPeerRequest(**key))
    assert (told.seed_peer_cluster.name, told.port) == ("cluster-1", 4000)
    await bed.manager.DeleteSeedPeer(pb.DeleteSeedPeerRequest(**key))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await bed.manager.GetSeedPeer(pb.GetSeedPeerRequest(**key))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_seeds_are_told_of_each_other(bed: Bed) -> None:
    await _seed(bed, "seed-1")
    await _seed(bed, "seed-2")
    request = pb.ListSeedPeersRequest(hostname="seed-1", ip=IP)

    async def both() -> bool:
        try:
            answer = await bed.manager.ListSeedPeers(request)
        except grpc.aio.AioRpcError:
            return False
        return sorted(s.hostname for s in answer.seed_peers) == ["seed-1", "seed-2"]

    await _until(both)


async def test_a_node_gets_the_schedulers_of_the_cluster_that_fits_it(bed: Bed) -> None:
    by_cidr = await _cluster(bed, "by cidr", cidrs=["10.1.0.0/16"])
    by_name = await _cluster(bed, "by name", hostnames=["^gpu-"])
    by_idc = await _cluster(bed, "by idc", idc="berlin|potsdam")
    by_place = await _cluster(bed, "by place", location="eu|de")
    calls = [await _scheduler(bed, "default")]
    for name, cluster in (("cidr", by_cidr), ("name", by_name), ("idc", by_idc), ("eu", by_place)):
        calls.append(await _scheduler(bed, name, cluster))

    async def all_there() -> bool:
        return len(await _listed(bed)) == 5

    await _until(all_there)
    first = {
        "default": await _listed(bed),
        "cidr": await _listed(bed, ip="10.1.2.3"),
        "name": await _listed(bed, hostname="gpu-7"),
        "idc": await _listed(bed, idc="Potsdam"),
        "eu": await _listed(bed, location="eu|fr"),
    }
    assert {name: listed[0] for name, listed in first.items()} == {n: n for n in first}
    assert await _listed(bed, scheduler_cluster_id=by_idc) == ["idc"]
    for call in calls:
        call.cancel()


async def test_applications_are_listed(bed: Bed) -> None:
    root = await bed.root()
    wish = {
        "name": "training",
        "url": "https://example.com",
        "priority": {"value": 3, "urls": [{"regex": "llama", "value": 5}]},
    }
    await root.done("POST", "/api/v1/applications", wish)

    async def listed() -> Any:
        try:
            return await bed.manager.ListApplications(pb.ListApplicationsRequest())
        except grpc.aio.AioRpcError:
            return None

    (found,) = (await _until(listed)).applications
    assert (found.name, found.priority.value) == ("training", 3)
    assert found.priority.urls[0].regex == "llama"


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("UpdateScheduler", pb.UpdateSchedulerRequest(hostname="a b", ip=IP, port=8002)),
        ("UpdateScheduler", pb.UpdateSchedulerRequest(hostname="a", ip="x", port=8002)),
        ("UpdateScheduler", pb.UpdateSchedulerRequest(hostname="a", ip=IP, port=80)),
        ("UpdateSeedPeer", pb.UpdateSeedPeerRequest(hostname="a", ip=IP, type="weak")),
        ("GetScheduler", pb.GetSchedulerRequest(hostname="a", ip=IP)),
        ("ListSchedulers", pb.ListSchedulersRequest(hostname="", ip=IP)),
    ],
)
async def test_nonsense_is_refused(bed: Bed, method: str, request_: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(bed.manager, method)(request_)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unknown_cluster_is_not_found(bed: Bed) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _seed(bed, cluster=99)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_nobody_is_alive_who_has_not_registered(bed: Bed) -> None:
    async def signs() -> AsyncIterator[pb.KeepAliveRequest]:
        yield pb.KeepAliveRequest(hostname="nobody", ip=IP, cluster_id=1)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await bed.manager.KeepAlive(signs())
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_node_that_watches_hears_of_changes_and_is_listed(bed: Bed) -> None:
    told: asyncio.Queue[link.Configuration] = asyncio.Queue()
    request = link.WatchRequest(source_type=pb.PEER_SOURCE, hostname="node-1", ip="10.9.9.9")

    async def watch() -> None:
        async for configuration in bed.extension.Watch(request):
            told.put_nowait(configuration)

    job = spawn(watch(), name="watch", on_error=lambda _: None)
    async with asyncio.timeout(10):
        first = await told.get()
        assert first.cluster.name == "cluster-1"
        root = await bed.root()
        change = {"peer_cluster_config": {"download_rate_limit": 12345}}
        await root.done("PATCH", "/api/v1/clusters/1", change)
        while b"12345" not in (await told.get()).cluster.client_config:
            pass

    async def state() -> Any:
        peers = await root.done("GET", "/api/v1/peers?host_name=node-1")
        return peers[0]["state"] if peers else None

    assert await _until(state) == "active"
    job.cancel()

    async def inactive() -> bool:
        return bool(await state() == "inactive")

    await _until(inactive)


async def test_what_is_known_already_is_not_told_again(bed: Bed) -> None:
    request = link.WatchRequest(source_type=pb.PEER_SOURCE, hostname="node-1", ip="10.9.9.9")
    first = await bed.extension.Watch(request).read()
    request.known_digest = first.digest
    again = bed.extension.Watch(request)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await again.read()
    again.cancel()
