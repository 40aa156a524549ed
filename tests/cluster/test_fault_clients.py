"""A client goes away: shared work goes on for the others, and stops when nobody wants it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.cluster.bed import MIB, Bed, started, wait_until, watch

pytestmark = pytest.mark.cluster

SIZE, LONG = 16 * MIB, 96 * MIB
BRIEF = {"download": {"linger": 1}}
SLOW = {"download": {"linger": 1, "originRateLimit": "6MiB"}}


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("clients")
    with started(folder, nodes=2, node=BRIEF, seed=SLOW) as bed:
        yield bed


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest, bed: Bed) -> None:
    watch(request, bed)


def test_the_download_stops_when_the_only_client_has_gone(bed: Bed) -> None:
    node, seed = bed.swarm.nodes[0], bed.swarm.seed
    blob = bed.blob(LONG)
    reader = bed.read(node, blob)
    reader.wait_for(4 * MIB)
    reader.leave()
    wait_until(lambda: "abandoned" in node.log_text(), "the node gives up")
    wait_until(lambda: "abandoned" in seed.log_text(), "so does the seed")
    # It was wanted for a second longer on each host, and a rate limit lets a second's worth burst.
    assert seed.figures().traffic.origin <= 4 * MIB + 5 * 6 * MIB
    # What the client had got is kept for whoever comes later.
    time.sleep(0.5)  # what the origin had in its sockets is counted when they close
    bed.standin.reset()
    received = bed.read(node, blob, headers={"Range": f"bytes=0-{4 * MIB - 1}"}).result()
    assert (received.status, received.size_bytes) == (206, 4 * MIB)
    assert bed.origin_bytes(blob) == 0


@pytest.mark.parametrize("where", ["same node", "other node"])
def test_the_download_goes_on_for_another_reader(where: str, bed: Bed) -> None:
    blob = bed.blob(SIZE)
    one, two = bed.swarm.nodes
    goes = bed.read(one, blob)
    stays = bed.read(one if where == "same node" else two, blob)
    goes.wait_for(4 * MIB)
    goes.leave()
    received = stays.result()
    assert blob.is_whole(received), received
    assert bed.origin_bytes(blob) <= SIZE * 1.01


def test_a_client_that_reads_slowly_holds_nobody_up(bed: Bed) -> None:
    blob = bed.blob(SIZE)
    slow = bed.read(bed.swarm.nodes[0], blob, bytes_per_s=4 * MIB)
    fast = [bed.read(node, blob) for node in bed.swarm.nodes]
    for reader in fast:
        received = reader.result()
        assert blob.is_whole(received), received
    assert slow.size_bytes < SIZE
    assert blob.is_whole(slow.result())
