"""Our own nodes and a real scheduler, over real gRPC."""

from __future__ import annotations

import grpc
import pytest

from dfinfra.pb import meganeura_pb2, scheduler_pb2
from tests.component.scheduler.bed import TASK, Daemon, bed, config, scheduler


async def test_first_peer_is_offered_the_seed_with_its_address() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True)
        node = await swarm.daemon("a")
        talk = node.converse()
        await talk.register(actual_content_length=1 << 30)
        (parent,) = await talk.parents()
        assert parent.id == f"{seed.host.id}-{TASK[:12]}"
        assert parent.state == "Pending"
        assert parent.host.ip == "127.0.0.1"
        assert parent.host.download_port == 4005
        assert parent.host.build.platform == "meganeura/1"
        assert parent.task.id == TASK
        assert parent.task.content_length == 1 << 30


async def test_twentieth_peer_gets_many_neighbours_and_the_seed() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True)
        for number in range(19):
            await swarm.joined(f"n{number}")
        _, _, hosts = await swarm.joined("n19")
        assert seed.host.id in hosts
        assert 8 <= len(hosts) - 1 <= 16


async def test_when_the_seed_leaves_its_children_hear_of_the_next_one() -> None:
    async with bed() as swarm:
        seeds = [await swarm.daemon(f"seed{number}", seed=True) for number in range(2)]
        _, talk, hosts = await swarm.joined("a")
        gone, next_one = seeds if seeds[0].host.id in hosts else seeds[::-1]
        await gone.scheduler.DeleteHost(scheduler_pb2.DeleteHostRequest(host_id=gone.host.id))
        assert await talk.parent_hosts() == {next_one.host.id}


async def test_when_the_last_seed_dies_one_peer_goes_to_the_origin() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True)
        at_seed = seed.converse()
        await at_seed.register(need_back_to_source=True)
        await at_seed.may_go_to_the_origin()
        _, first, _ = await swarm.joined("a")
        _, second, _ = await swarm.joined("b")
        await first.piece(0, at_seed.peer_id)
        at_seed.hang_up()
        await seed.aclose()
        await swarm.streams_are(2)
        await first.reschedule(at_seed.peer_id)
        await first.may_go_to_the_origin()
        assert await second.parent_hosts() == {"127.0.0.1-a"}


async def test_a_peer_fails_over_to_the_neighbour_it_is_given_instead() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        _, talk, _ = await swarm.joined("a")
        await talk.finished()
        assert await talk.ended() is grpc.StatusCode.OK
        _, other, _ = await swarm.joined("b")
        await other.reschedule("127.0.0.1-seed-" + TASK[:12], "127.0.0.1-a-peer")
        await other.may_go_to_the_origin()


async def test_a_restarted_scheduler_learns_the_swarm_from_its_hosts() -> None:
    async with bed() as swarm:
        port = swarm.app.grpc.port
        node = await swarm.daemon("a")
        await node.announce_blobs(TASK)
    async with scheduler(config(port=port)) as built:
        holder, asker = Daemon(port, "a"), Daemon(port, "b")
        try:
            talk = asker.converse()
            await talk.register()
            assert await talk.ended() is grpc.StatusCode.NOT_FOUND
            assert "announce it first" in await talk.why()
            with pytest.raises(grpc.aio.AioRpcError, match="announce it first"):
                await holder.announce_blobs(TASK)
            await holder.announce()
            await holder.announce_blobs(TASK)
            await asker.announce()
            again = asker.converse()
            await again.register()
            assert await again.parent_hosts() == {holder.host.id}
            assert len(built.shell.core.pool.hosts) == 2
        finally:
            await holder.aclose()
            await asker.aclose()


async def test_a_peer_that_opens_a_second_stream_keeps_its_neighbours() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        await swarm.joined("a")
        node, first, hosts = await swarm.joined("b")
        second = node.converse()
        await second.register()
        assert await first.ended() is grpc.StatusCode.ABORTED
        assert await second.parent_hosts() == hosts


async def test_three_bad_pieces_take_a_parent_out() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        _, liar, _ = await swarm.joined("liar")
        _, victim, hosts = await swarm.joined("a")
        assert "127.0.0.1-liar" in hosts
        for _ in range(3):
            await victim.bad_piece(liar.peer_id)
        await victim.finished()
        assert await victim.ended() is grpc.StatusCode.OK
        _, _, hosts = await swarm.joined("b")
        assert "127.0.0.1-liar" not in hosts


async def test_lists_show_peers_and_tasks() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        node, talk, _ = await swarm.joined("a")
        await talk.piece(0)
        await talk.finished()
        await talk.ended()
        peers = await node.extension.ListPeers(meganeura_pb2.ListPeersRequest(task_id=TASK))
        (info,) = peers.peers
        assert (info.state, info.finished_bytes) == ("Succeeded", 1 << 22)
        tasks = await node.extension.ListTasks(meganeura_pb2.ListTasksRequest())
        assert [(task.task_id, task.complete_count) for task in tasks.tasks] == [(TASK, 1)]
        of_host = meganeura_pb2.ListPeersRequest(host_id="127.0.0.1-seed")
        assert not (await node.extension.ListPeers(of_host)).peers


async def test_a_stopping_scheduler_says_so_on_its_streams() -> None:
    async with bed() as swarm:
        await swarm.daemon("seed", seed=True)
        _, talk, _ = await swarm.joined("a")
        await swarm.app.shell.stop()
        assert await talk.ended() is grpc.StatusCode.UNAVAILABLE
