"""The scheduler is lost: downloads finish, new ones find their way, and it relearns when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import pytest

from dfcore import ids
from dfinfra.pb import meganeura_pb2, meganeura_pb2_grpc
from tests.cluster.bed import MIB, Bed, Blob, wait_until
from tests.cluster.reader import Reader
from tests.swarm.swarm import Scheduler

pytestmark = pytest.mark.cluster

SIZE = 24 * MIB
SLOW = {"download": {"originRateLimit": "8MiB"}}


def task_of(blob: Blob) -> str:
    return ids.task_id_by_content(f"sha256:{blob.sha256}")


def holders(scheduler: Scheduler, blob: Blob) -> int:
    """How many hosts hold the whole blob, as the scheduler knows."""
    with grpc.insecure_channel(scheduler.address) as channel:
        stub = meganeura_pb2_grpc.SchedulerExtensionStub(channel)
        request = meganeura_pb2.ListPeersRequest(task_id=task_of(blob), limit=100)
        peers = stub.ListPeers(request, timeout=10).peers
    return len({peer.host_id for peer in peers if peer.state == "Succeeded"})


def all_whole(blob: Blob, readers: list[Reader], within_s: float = 30.0) -> None:
    for reader in readers:
        received = reader.result()
        assert blob.is_whole(received), received
        assert received.seconds < within_s


def test_downloads_outlive_the_scheduler_and_it_relearns_when_it_is_back(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=3, seed=SLOW)
    scheduler = bed.swarm.scheduler
    running, away, back = (bed.blob(SIZE) for _ in range(3))
    readers = bed.read_all(running)
    readers[0].wait_for(SIZE // 4)
    scheduler.kill()
    all_whole(running, readers)
    # While it is away a new download goes by what the nodes know: the seed.
    all_whole(away, bed.read_all(away))
    scheduler.restart()
    wait_until(lambda: holders(scheduler, running) == 4, "it hears again who holds what")
    late = bed.swarm.add_node()
    late.restart()
    bed.standin.reset()
    all_whole(running, [bed.read(late, running)])
    assert bed.origin_bytes(running) == 0
    all_whole(back, bed.read_all(back))
    for blob in (away, back):
        assert bed.origin_bytes(blob) <= SIZE * 1.01, blob
    assert not any(node.figures().traffic.origin for node in bed.swarm.nodes)


def test_a_scheduler_restarted_in_the_middle_is_told_of_the_download(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=3, seed=SLOW)
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)[:2]
    readers[0].wait_for(SIZE // 4)
    bed.swarm.scheduler.kill()
    bed.swarm.scheduler.restart()
    late = bed.swarm.add_node()
    late.restart()
    all_whole(blob, [*readers, bed.read(late, blob)])
    assert bed.origin_bytes(blob) <= SIZE * 1.01
    assert not any(node.figures().traffic.origin for node in bed.swarm.nodes)
    wait_until(lambda: holders(bed.swarm.scheduler, blob) >= 4, "it has heard of the end")


@pytest.mark.parametrize("allowed", [True, False])
def test_where_there_never_was_a_scheduler_a_node_goes_alone_if_it_may(
    allowed: bool, make_bed: Callable[..., Bed]
) -> None:
    download = {"disableBackToSource": not allowed, "patience": 3}
    bed = make_bed(
        nodes=2, seeds=0, schedulers=0,
        node={"download": download, "scheduler": {"addrs": ["127.0.0.1:9"]}},
    )  # fmt: skip
    blob = bed.blob(4 * MIB)
    first, other = bed.swarm.nodes
    received = bed.read(first, blob).result()
    if not allowed:
        assert received.status in (502, 503, 504) or received.cut, received
        assert bed.origin_bytes(blob) == 0
        return
    assert blob.is_whole(received)
    assert received.seconds < 20
    # What it holds it serves without asking anybody for the bytes.
    began = time.monotonic()
    again = bed.read(first, blob).result()
    assert blob.is_whole(again)
    assert time.monotonic() - began < 3  # the patience it has with schedulers
    assert bed.origin_bytes(blob) == blob.size_bytes
    assert blob.is_whole(bed.read(other, blob).result())


def test_a_node_that_starts_without_a_scheduler_finds_it_when_it_is_there(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=0)
    bed.swarm.scheduler.kill()
    node = bed.swarm.add_node()
    node.restart()
    alone, together = bed.blob(4 * MIB), bed.blob(4 * MIB)
    # It knows of no seed yet, so it waits a moment for the scheduler and then goes by itself.
    all_whole(alone, [bed.read(node, alone)], within_s=20)
    assert node.figures().traffic.origin == alone.size_bytes
    bed.swarm.scheduler.restart()
    wait_until(lambda: holders(bed.swarm.scheduler, alone) == 1, "the node announces itself")
    all_whole(together, [bed.read(node, together)], within_s=20)
    assert node.figures().traffic.seed == together.size_bytes


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_of_two_schedulers_one_may_go(how: str, make_bed: Callable[..., Bed]) -> None:
    bed = make_bed(nodes=2, schedulers=2, seed=SLOW)
    running = bed.blob(SIZE)
    readers = bed.read_all(running)
    readers[0].wait_for(SIZE // 4)
    getattr(bed.swarm.schedulers[0], how)()
    all_whole(running, readers)
    # Some of these belong to the one that is lost.
    blobs = [bed.blob(2 * MIB) for _ in range(6)]
    for blob in blobs:
        all_whole(blob, bed.read_all(blob), within_s=20)
    for blob in (running, *blobs):
        assert bed.origin_bytes(blob) <= blob.size_bytes * 1.01
    assert not any(node.figures().traffic.origin for node in bed.swarm.nodes)
