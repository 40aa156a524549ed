"""A parent lies: what it sends is never shown, comes from others, and costs it its trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.bed import MIB, Bed, Blob, wait_until
from tests.cluster.rogue import RogueProcess

pytestmark = pytest.mark.cluster

SIZE = 24 * MIB
SLOW = {"download": {"originRateLimit": "12MiB"}}
BAD_UNITS = "meganeura_bad_units_total"


def content(bed: Bed, blob: Blob) -> Path:
    """The file as the origin has it."""
    (file,) = (
        path
        for path in bed.folder.rglob(f"weights-{blob.size_bytes}-*.safetensors")
        if path.with_suffix(".sha256").read_text() == blob.sha256
    )
    return file


def test_garbage_under_true_digests_is_thrown_away_and_fetched_elsewhere(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=3, seed=SLOW)
    blob = bed.blob(SIZE)
    with RogueProcess(
        bed.swarm, blob, content(bed, blob), false_digests=False, holds=False
    ) as rogue:
        for reader in bed.read_all(blob):
            received = reader.result()
            assert blob.is_whole(received), received
            assert received.seconds < 30
        assert rogue.units_sent
        bad = sum(node.figures().value(BAD_UNITS) for node in bed.swarm.nodes)
        assert bad
        assert bad <= len(bed.swarm.nodes)
    assert bed.origin_bytes(blob) <= SIZE * 1.01


def test_a_host_whose_bytes_do_not_verify_is_no_parent_any_more(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=3, seed=SLOW, scheduler={"quarantine": {"failures": 1}})
    blob = bed.blob(SIZE)
    with RogueProcess(
        bed.swarm, blob, content(bed, blob), false_digests=False, holds=False
    ) as rogue:
        for reader in bed.read_all(blob):
            assert blob.is_whole(reader.result())
        wait_until(
            lambda: "quarantined" in bed.swarm.scheduler.log_text(), "the scheduler hears of it"
        )
        sent = rogue.units_sent
        late = bed.swarm.add_node()
        late.restart()
        assert blob.is_whole(bed.read(late, blob).result())
        assert rogue.units_sent == sent


@pytest.mark.parametrize("seeds", [1, 0])
def test_garbage_under_its_own_digests_is_found_out_by_the_whole_content(
    seeds: int, make_bed: Callable[..., Bed]
) -> None:
    bed = make_bed(nodes=2, seeds=seeds, scheduler={"origin": {"settle": 0}})
    blob = bed.blob(SIZE)
    with RogueProcess(bed.swarm, blob, content(bed, blob), false_digests=True, holds=True) as rogue:
        left = list(bed.swarm.nodes)
        # The nodes find the rogue out, the seed that is asked then may have to as well: three tries.
        for _ in range(3):
            tries = [(node, bed.read(node, blob)) for node in left]
            for node, reader in tries:
                received = reader.result()
                if blob.is_whole(received):
                    left.remove(node)
                else:
                    assert received.cut or received.status >= 500, received
        assert not left
        assert rogue.units_sent
    # Without a seed nobody is believed any more: each of the two nodes may go by itself.
    assert bed.origin_bytes(blob) <= SIZE * (1.01 if seeds else 2.01)


def test_false_digests_are_not_believed_where_a_seed_vouches(make_bed: Callable[..., Bed]) -> None:
    bed = make_bed(nodes=3, seed=SLOW)
    blob = bed.blob(SIZE)
    with RogueProcess(bed.swarm, blob, content(bed, blob), false_digests=True, holds=False):
        for reader in bed.read_all(blob):
            received = reader.result()
            assert blob.is_whole(received), received
    assert bed.origin_bytes(blob) <= SIZE * 1.01
