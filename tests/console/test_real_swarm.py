"""A real swarm of processes as the console's collector sees it: every edge, every piece, every byte."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dfinfra.clock import SystemClock
from dfinfra.rpc.channels import Channels
from manager.observe.collector import Collector, Pace
from manager.observe.model import Target, TaskDetail
from manager.observe.source import GrpcSource
from manager.observe.state import State
from tests.cluster.bed import MIB, Bed, started

pytestmark = pytest.mark.cluster

SIZE = 40 * MIB


def seen(bed: Bed) -> tuple[State, TaskDetail]:
    """What a collector knows after its first questions."""

    async def look() -> tuple[State, TaskDetail]:
        target = Target(bed.swarm.scheduler.address, "real")

        async def known() -> list[Target]:
            return [target]

        channels = Channels()
        pace = Pace(watched_s=0.05, hosts_watched_s=0.05)
        collector = Collector(known, GrpcSource(channels), SystemClock(), pace)
        await collector.start()
        try:
            async with asyncio.timeout(20):
                while True:
                    tasks = [t for t in collector.look().tasks() if t.size_bytes == SIZE]
                    if tasks and tasks[0].complete_count == 4:
                        return collector.state, await collector.task(tasks[0].id)
                    await asyncio.sleep(0.05)
        finally:
            await collector.stop()
            await channels.close()

    return asyncio.run(look())


def test_every_byte_of_a_download_is_seen(tmp_path: Path) -> None:
    with started(tmp_path, nodes=3) as bed:
        blob = bed.blob(SIZE)
        assert all(blob.is_whole(reader.result()) for reader in bed.read_all(blob))
        state, detail = seen(bed)
        traffic = [node.figures().traffic for node in bed.swarm.nodes]
    total = state.total
    assert total.origin_to_seeds == SIZE
    assert total.origin_to_peers == 0
    assert total.seeds_to_peers + total.peers_to_peers == 3 * SIZE
    assert total.spared == 2 * SIZE
    assert (len(state.hosts), state.census.seeds) == (4, 1)
    assert sum(one.peer for one in traffic) > 0
    assert {peer.complete for peer in detail.peers} == {True}
    seed = next(peer for peer in detail.peers if peer.seed)
    assert [(s.host_id, s.size_bytes) for s in seed.sources] == [("", SIZE)]
    names = set(detail.hosts)
    for peer in detail.peers:
        if not peer.seed:
            assert {source.host_id for source in peer.sources} <= names - {peer.host_id}
            assert sum(source.size_bytes for source in peer.sources) == SIZE
            assert int.from_bytes(peer.pieces, "little").bit_count() == detail.piece_count
