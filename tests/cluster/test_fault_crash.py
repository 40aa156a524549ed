"""A node crashes in the middle and comes back: what it holds verifies, the rest is fetched again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster.bed import MIB, Bed, started, watch

pytestmark = pytest.mark.cluster

SIZE = 40 * MIB
SLOW = {"download": {"originRateLimit": "8MiB"}}


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Whoever is killed is started again in the same test."""
    folder = tmp_path_factory.mktemp("crash")
    never = {"download": {"disableBackToSource": True}}
    with started(folder, nodes=2, seed=SLOW, node=never) as bed:
        yield bed


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest, bed: Bed) -> None:
    watch(request, bed)
    for member in bed.swarm.members:
        if not member.running:
            member.restart()


@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "damaged"])
def test_a_killed_node_goes_on_from_what_it_holds(damaged: bool, bed: Bed) -> None:
    blob = bed.blob(SIZE)
    node, other = bed.swarm.nodes
    before = node.figures().traffic.total
    reader, steady = bed.read(node, blob), bed.read(other, blob)
    reader.wait_for(SIZE // 3)
    held = node.figures().traffic.total - before
    node.kill()
    assert reader.result().cut
    if damaged:
        file = max(
            (path for path in node.store.rglob("*") if path.stat().st_size == SIZE),
            key=lambda path: path.stat().st_mtime,
        )
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
    done = json.loads([line for line in node.log_text().splitlines() if "task done" in line][-1])
    assert done["local_bytes"] + done["seed_bytes"] + done["peer_bytes"] == SIZE
    assert blob.is_whole(steady.result())
    assert bed.origin_bytes(blob) <= SIZE * 1.01


def test_a_whole_file_survives_the_crash_and_is_served_without_fetching(
    bed: Bed,
) -> None:
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


def test_a_killed_seed_goes_on_from_what_it_holds_and_so_do_its_children(bed: Bed) -> None:
    seed = bed.swarm.seed
    before = seed.figures().traffic.origin
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)
    readers[0].wait_for(SIZE // 3)
    held = seed.figures().traffic.origin - before
    sent = bed.origin_bytes(blob)
    seed.kill()
    sent = max(sent, bed.origin_bytes(blob))
    seed.restart()
    for reader in readers:
        received = reader.result()
        assert blob.is_whole(received), received
        assert received.seconds < 40
    assert bed.origin_bytes(blob) - sent <= SIZE - held
