"""The seed is lost in the middle: the swarm keeps what it has, and somebody fetches the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.cluster.bed import MIB, Bed, Blob
from tests.swarm.swarm import Host

pytestmark = pytest.mark.cluster

SIZE = 24 * MIB
SLOW = {"download": {"originRateLimit": "4MiB"}}


@dataclass(frozen=True)
class Loss:
    """The moment at which the seed was lost."""

    victim: Host
    origin_bytes: int
    passed_on: int

    def bound(self, blob: Blob) -> float:
        """What the origin may have sent of the blob in the end.

        All of it once, and once more what it had sent to the lost seed and the seed had not passed
        on: nobody else can know those bytes. While a seed still fetches, it sends no unit a second
        time, so that what its children took is all different.
        """
        return blob.size_bytes * 1.02 + self.origin_bytes - self.passed_on


def lose_the_seed(bed: Bed, blob: Blob, how: str) -> Loss:
    """Take the seed that fetches the blob away."""
    (victim,) = (seed for seed in bed.swarm.seeds if seed.figures().traffic.origin)
    victim.freeze()
    time.sleep(0.3)  # what is in the sockets arrives, or is lost
    passed_on = sum(node.figures().traffic.seed for node in bed.swarm.nodes)
    loss = Loss(victim, bed.origin_bytes(blob), passed_on)
    if how == "kill":
        victim.kill()
    return loss


def fetchers(bed: Bed) -> list[Host]:
    """The hosts that took bytes from the origin."""
    hosts = [*bed.swarm.seeds, *bed.swarm.nodes]
    return [host for host in hosts if host.running and host.figures().traffic.origin]


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_another_seed_goes_on_from_what_the_swarm_holds(
    how: str, make_bed: Callable[..., Bed]
) -> None:
    bed = make_bed(nodes=3, seeds=2, seed=SLOW)
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)
    readers[0].wait_for(SIZE // 4)
    loss = lose_the_seed(bed, blob, how)
    for reader in readers:
        received = reader.result()
        assert blob.is_whole(received), received
        assert received.seconds < 40
    loss.victim.thaw()
    assert bed.origin_bytes(blob) <= loss.bound(blob)
    nodes = [node for node in bed.swarm.nodes if node.figures().traffic.origin]
    assert not nodes, "a node went to the origin though there was a seed"


def test_without_another_seed_one_node_is_sent_to_the_origin(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=3, seed=SLOW)
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)
    readers[0].wait_for(SIZE // 4)
    loss = lose_the_seed(bed, blob, "kill")
    for reader in readers:
        received = reader.result()
        assert blob.is_whole(received), received
        assert received.seconds < 40
    assert bed.origin_bytes(blob) <= loss.bound(blob)
    assert len(fetchers(bed)) == 1
    (alone,) = (n for n in bed.swarm.nodes if "to the origin without a seed" in n.log_text())
    assert alone in fetchers(bed)
    assert "no seed is alive" in bed.swarm.scheduler.log_text()


def test_where_the_last_resort_is_forbidden_the_download_fails_with_a_reason(
    make_bed: Callable[..., Bed],
) -> None:
    forbidden = {"download": {"disableBackToSource": True, "patience": 2}}
    bed = make_bed(nodes=2, seed=SLOW, node=forbidden)
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)
    readers[0].wait_for(SIZE // 4)
    loss = lose_the_seed(bed, blob, "kill")
    for reader in readers:
        received = reader.result()
        assert received.cut, received
    assert bed.origin_bytes(blob) == loss.origin_bytes
    told = bed.read(bed.swarm.nodes[0], blob).result()
    assert told.status in (503, 504) or told.cut, told
    bed.swarm.seed.restart()
    assert blob.is_whole(bed.read(bed.swarm.nodes[0], blob).result())
