"""A node crashes in the middle and comes back: what it holds verifies, the rest is fetched again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.bed import MIB, Bed

pytestmark = pytest.mark.cluster

SIZE = 32 * MIB
SLOW = {"download": {"originRateLimit": "12MiB"}}


@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "damaged"])
def test_a_killed_node_goes_on_from_what_it_holds(
    damaged: bool, make_bed: Callable[..., Bed]
) -> None:
    bed = make_bed(nodes=2, seed=SLOW)
    blob = bed.blob(SIZE)
    node, other = bed.swarm.nodes
    reader, steady = bed.read(node, blob), bed.read(other, blob)
    reader.wait_for(SIZE // 2)
    held = node.figures().traffic.total
    node.kill()
    assert reader.result().cut
    if damaged:
        (file,) = (path for path in node.store.rglob("*") if path.stat().st_size == SIZE)
        with file.open("r+b") as content:
            content.write(bytes(MIB))
    node.restart()
    received = bed.read(node, blob).result()
    assert blob.is_whole(received), received
    fetched = node.figures().traffic
    lost = 2 * MIB if damaged else 0
    # Units are half a MiB; a few may have arrived in the last moment before the kill.
    assert fetched.seed + fetched.peer + fetched.origin <= SIZE - held + lost
    assert fetched.seed + fetched.peer + fetched.origin >= lost // 2
    assert blob.is_whole(steady.result())
    assert bed.origin_bytes(blob) <= SIZE * 1.01


def test_a_whole_file_survives_the_crash_and_is_served_without_fetching(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=2)
    blob = bed.blob(SIZE)
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())
    for daemon in (*bed.swarm.nodes, bed.swarm.seed):
        daemon.kill()
    for daemon in (bed.swarm.seed, *bed.swarm.nodes):
        daemon.restart()
    bed.standin.reset()
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())
    for node in bed.swarm.nodes:
        traffic = node.figures().traffic
        assert traffic.total == traffic.local == SIZE
    assert bed.origin_bytes(blob) == 0


def test_a_killed_seed_goes_on_from_what_it_holds(make_bed: Callable[..., Bed]) -> None:
    bed = make_bed(nodes=2, seed=SLOW, node={"download": {"disableBackToSource": True}})
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)
    readers[0].wait_for(SIZE // 2)
    bed.swarm.seed.freeze()
    before = bed.origin_bytes(blob)
    bed.swarm.seed.kill()
    bed.swarm.seed.restart()
    for reader in readers:
        received = reader.result()
        if not received.cut:
            assert blob.is_whole(received), received
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())
    again = bed.origin_bytes(blob) - before
    assert again <= SIZE - before + 4 * MIB
