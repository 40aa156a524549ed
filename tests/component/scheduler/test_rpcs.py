"""The unary calls, validation at the edge, and what every gRPC service has."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from dfcore.errors import ConfigError
from dfinfra.pb import scheduler_pb2
from scheduler import app
from tests.component.scheduler.bed import TASK, Bed, Daemon, bed, config

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def code_of(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), str(caught.value.details())


async def test_hosts_are_listed_by_type_and_leave() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        node = await swarm.daemon("a")
        everybody = await node.scheduler.ListHosts(scheduler_pb2.ListHostsRequest())
        assert {host.hostname for host in everybody.hosts} == {"seed", "a"}
        seeds = await node.scheduler.ListHosts(scheduler_pb2.ListHostsRequest(type=1))
        assert [host.hostname for host in seeds.hosts] == ["seed"]
        goodbye = scheduler_pb2.DeleteHostRequest(host_id=node.host.id)
        await node.scheduler.DeleteHost(goodbye)
        code, _ = await code_of(node.scheduler.DeleteHost(goodbye))
        assert code is grpc.StatusCode.NOT_FOUND


async def test_stat_and_delete_of_a_peer() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        node, talk, _ = await swarm.joined("a")
        ids = {"host_id": node.host.id, "task_id": TASK, "peer_id": talk.peer_id}
        peer = await node.scheduler.StatPeer(scheduler_pb2.StatPeerRequest(**ids))
        assert (peer.state, peer.host.hostname, peer.task.peer_count) == ("ReceivedNormal", "a", 1)
        await node.scheduler.DeletePeer(scheduler_pb2.DeletePeerRequest(**ids))
        assert await talk.ended() is grpc.StatusCode.OK
        code, _ = await code_of(node.scheduler.StatPeer(scheduler_pb2.StatPeerRequest(**ids)))
        assert code is grpc.StatusCode.NOT_FOUND


async def two_holders(swarm: Bed) -> tuple[Daemon, Daemon]:
    nodes = await swarm.daemon("a"), await swarm.daemon("b")
    for node in nodes:
        await node.announce_blobs(TASK)
    return nodes


async def test_deleting_a_task_asks_every_host_that_holds_it() -> None:
    async with bed() as swarm:
        one, two = await two_holders(swarm)
        request = scheduler_pb2.DeleteTaskRequest(host_id=one.host.id, task_id=TASK)
        await one.scheduler.DeleteTask(request)
        assert one.uploads.deleted == two.uploads.deleted == [TASK]
        assert not swarm.app.shell.core.pool.peers


async def test_a_host_that_does_not_delete_is_named_and_kept() -> None:
    async with bed() as swarm:
        one, two = await two_holders(swarm)
        two.uploads.refuses = True
        request = scheduler_pb2.DeleteTaskRequest(host_id=one.host.id, task_id=TASK)
        code, why = await code_of(one.scheduler.DeleteTask(request))
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "1 of 2 hosts" in why
        assert two.host.id in why
        assert {peer.host.id for peer in swarm.app.shell.core.pool.peers.values()} == {two.host.id}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("id", "", "host.id"),
        ("hostname", "", "host.hostname"),
        ("type", 4, "host.type"),
        ("ip", "nowhere", "host.ip"),
        ("port", 80, "host.port"),
        ("download_port", 65535, "host.download_port"),
    ],
)
async def test_bad_hosts_are_refused_by_name(field: str, value: Any, named: str) -> None:
    async with bed() as swarm:
        node = Daemon(swarm.app.grpc.port, "a")
        swarm.daemons.append(node)
        setattr(node.host, field, value)
        code, why = await code_of(node.announce())
        assert code is INVALID
        assert named in why


@pytest.mark.parametrize(
    ("download", "named"),
    [
        ({"url": "no-url"}, "download.url"),
        ({"digest": "sha256:xyz"}, "download.digest"),
        ({"piece_length": 1}, "download.piece_length"),
        ({"output_path": ""}, "download.output_path"),
        ({"remote_ip": "x"}, "download.remote_ip"),
        ({"type": 2}, "download.type"),
    ],
)
async def test_bad_registrations_end_the_stream(download: dict[str, Any], named: str) -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a")
        talk = node.converse()
        await talk.register(**download)
        assert await talk.ended() is INVALID
        assert named in await talk.why()


async def test_a_message_without_ids_or_kind_ends_the_stream() -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a")
        nameless, empty = node.converse(task_id=""), node.converse()
        await nameless.register()
        assert await nameless.ended() is INVALID
        await empty.say()
        assert await empty.ended() is INVALID


async def test_a_stream_begins_with_a_registration_and_speaks_for_one_peer() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        node, talk, _ = await swarm.joined("a")
        early = node.converse(peer_id="other")
        await early.started()
        assert await early.ended() is grpc.StatusCode.NOT_FOUND
        talk._ids["peer_id"] = "somebody-else"
        await talk.started()
        assert await talk.ended() is INVALID


async def test_a_peer_id_of_another_host_is_refused_and_its_owner_goes_on() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        _, talk, _ = await swarm.joined("a")
        thief = (await swarm.daemon("b")).converse(peer_id=talk.peer_id)
        await thief.register()
        assert await thief.ended() is grpc.StatusCode.ALREADY_EXISTS
        await talk.finished()
        assert await talk.ended() is grpc.StatusCode.OK


async def test_other_families_are_unimplemented() -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a")
        call = node.scheduler.PreheatFile(scheduler_pb2.PreheatFileRequest())
        code, _ = await code_of(call)
        assert code is grpc.StatusCode.UNIMPLEMENTED


async def test_health_and_reflection() -> None:
    async with bed() as swarm:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{swarm.app.grpc.port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service="scheduler.v2.Scheduler")
            assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
            reflect: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            ask = reflection_pb2.ServerReflectionRequest(list_services="")
            async for answer in reflect.ServerReflectionInfo(iter([ask])):
                names = {service.name for service in answer.list_services_response.service}
                assert {"scheduler.v2.Scheduler", "meganeura.v1.SchedulerExtension"} <= names
                break


async def test_an_occupied_port_is_one_line() -> None:
    async with bed() as swarm:
        second = app.build(config(port=swarm.app.grpc.port))
        with pytest.raises(ConfigError, match="Address already in use"):
            await second.grpc.start()
