"""A parent dies or freezes in the middle: its children go on with others, and nothing is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cluster.bed import MIB, Bed

pytestmark = pytest.mark.cluster

SIZE = 24 * MIB
SLOW = {"download": {"originRateLimit": "8MiB"}}


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_children_of_a_lost_parent_go_on(how: str, make_bed: Callable[..., Bed]) -> None:
    bed = make_bed(nodes=3, seed=SLOW)
    blob = bed.blob(SIZE)
    readers = bed.read_all(blob)
    for reader in readers:
        reader.wait_for(SIZE // 4)
    victim = bed.swarm.nodes[0]
    getattr(victim, how)()
    lost_at = time.monotonic()
    for reader in readers[1:]:
        received = reader.result()
        assert blob.is_whole(received), received
    assert time.monotonic() - lost_at < 10
    if how == "freeze":
        # What was stopped goes on where it was.
        victim.thaw()
        received = readers[0].result()
        assert blob.is_whole(received), received
    assert bed.origin_bytes(blob) <= SIZE * 1.01
