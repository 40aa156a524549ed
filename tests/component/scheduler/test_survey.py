"""What a watcher is told of the swarm: totals, tasks, hosts, and every edge of one task."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from dfinfra.pb import meganeura_pb2 as pb
from tests.component.scheduler.bed import PATIENCE_S, TASK, Bed, Daemon, bed
from tests.component.scheduler.test_rpcs import code_of

PIECE = 1 << 22


async def fed_node(swarm: Bed) -> tuple[Daemon, Daemon]:
    """A seed that brought piece 0 in, and a node that took it from there."""
    seed, node = await swarm.daemon("seed", seed=True), await swarm.daemon("a")
    source, child = seed.converse(), node.converse()
    await source.register(actual_content_length=2 * PIECE, need_back_to_source=True)
    await source.started(at_origin=True)
    await source.piece(0, at_origin=True)
    await child.register(actual_content_length=2 * PIECE)
    await child.started()
    await child.piece(0, source.peer_id)
    return seed, node


async def described(node: Daemon, until: Any) -> pb.DescribeTaskResponse:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                answer = await node.extension.DescribeTask(pb.DescribeTaskRequest(task_id=TASK))
                if until(answer):
                    return answer
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.NOT_FOUND
            await asyncio.sleep(0.01)


def taken(answer: pb.DescribeTaskResponse) -> dict[str, dict[str, int]]:
    """Bytes by taker and giver."""
    return {
        peer.peer.host_id: {source.host_id: source.size_bytes for source in peer.sources}
        for peer in answer.peers
    }


async def test_a_task_is_told_to_the_last_edge() -> None:
    async with bed() as swarm:
        seed, node = await fed_node(swarm)
        answer = await described(node, lambda answer: len(taken(answer).get(node.host.id, ())) > 0)
        assert taken(answer) == {
            seed.host.id: {"": PIECE},
            node.host.id: {seed.host.id: PIECE},
        }
        assert answer.piece_count == 2
        assert [peer.pieces for peer in answer.peers] == [b"\x01", b"\x01"]
        assert {host.hostname: host.seed for host in answer.hosts} == {"seed": True, "a": False}


async def test_nothing_flows_to_a_peer_that_has_ended() -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a")
        talk = node.converse()
        await talk.register(actual_content_length=PIECE, need_back_to_source=True)
        await talk.may_go_to_the_origin()
        await talk.piece(0, at_origin=True)
        flowing = await described(node, lambda answer: len(taken(answer).get(node.host.id, ())) > 0)
        assert flowing.peers[0].sources[0].bytes_per_s > 0
        await talk.finished(at_origin=True)
        ended = await described(node, lambda answer: answer.peers[0].complete)
        assert (ended.peers[0].bytes_per_s, ended.peers[0].sources[0].bytes_per_s) == (0, 0)


async def test_the_swarm_at_a_glance() -> None:
    async with bed() as swarm:
        _, node = await fed_node(swarm)
        await described(node, lambda answer: len(taken(answer).get(node.host.id, ())) > 0)
        answer = await node.extension.DescribeSwarm(pb.DescribeSwarmRequest(hosts=True))
        assert (answer.host_count, answer.task_count, answer.peer_count) == (2, 1, 2)
        assert (answer.traffic.origin_to_seeds, answer.traffic.seeds_to_peers) == (PIECE, PIECE)
        assert [task.running_count for task in answer.tasks] == [2]
        assert {host.hostname for host in answer.hosts} == {"seed", "a"}
        short = await node.extension.DescribeSwarm(pb.DescribeSwarmRequest())
        assert (short.host_count, len(short.hosts), short.boot_id) == (2, 0, answer.boot_id)


async def test_notes_have_numbers_and_are_told_once() -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a")
        talk = node.converse()
        await talk.register()
        await talk.may_go_to_the_origin()
        answer = await node.extension.DescribeSwarm(pb.DescribeSwarmRequest())
        assert [note.kind for note in answer.notes] == ["origin-granted"]
        last = answer.notes[-1].number
        again = await node.extension.DescribeSwarm(pb.DescribeSwarmRequest(notes_after=last))
        assert not again.notes


async def test_an_unknown_task_is_not_found() -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a")
        call = node.extension.DescribeTask(pb.DescribeTaskRequest(task_id="0" * 64))
        assert (await code_of(call))[0] is grpc.StatusCode.NOT_FOUND
