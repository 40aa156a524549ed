"""A swarm whose members know nothing but the manager: it settles what holds, and may be away."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dfinfra.tls import create_ca, issue
from tests.cluster.bed import MIB, Bed, wait_until
from tests.swarm.guard import Guard
from tests.swarm.manager import Manager
from tests.swarm.plan import ADDRESS

pytestmark = pytest.mark.cluster

SIZE = 8 * MIB
AWAY_S = float(os.environ.get("MEGANEURA_AWAY_S", "0"))
"""How long the manager stays away; all others are started anew and asked again each half minute."""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    guard = Guard()
    made = Manager(tmp_path / "manager", guard)
    made.restart()
    yield made
    made.stop()
    guard.close()


def _managed(manager: Manager, copy: Path, *, tls: bool = False) -> dict[str, Any]:
    section = {"addrs": [f"{ADDRESS}:{manager.grpc}"], "copy": str(copy), "tls": tls}
    return {"manager": section}


def _bed(make_bed: Callable[..., Bed], manager: Manager, folder: Path, *, tls: bool = False) -> Bed:
    """A scheduler, a seed and two nodes, none of which is told of any other."""
    alone = {"scheduler": {"addrs": []}}
    certified = {"security": {"dir": str(folder / "security" / "scheduler-host")}} if tls else {}
    return make_bed(
        nodes=2,
        scheduler=_managed(manager, folder / "s.copy", tls=tls) | certified,
        seed=alone | _managed(manager, folder / "seed.copy", tls=tls),
        node=[alone | _managed(manager, folder / f"node-{n}.copy", tls=tls) for n in range(2)],
    )


@pytest.mark.timeout(180 + AWAY_S)
def test_members_that_know_the_manager_only_find_each_other_and_outlive_it(
    make_bed: Callable[..., Bed], manager: Manager, tmp_path: Path
) -> None:
    bed = _bed(make_bed, manager, tmp_path)
    wait_until(lambda: manager.active("peers") == 2, "the nodes have come")
    assert (manager.active("schedulers"), manager.active("seed-peers")) == (1, 1)
    for host in bed.swarm.nodes:
        wait_until(lambda h=host: "127.0.0.1:" in h.log_text(), "it was told of the scheduler")  # type: ignore[misc]
    first = bed.blob(SIZE)
    for reader in bed.read_all(first):
        assert first.is_whole(reader.result())
    assert bed.origin_bytes(first) <= SIZE * 1.01

    manager.kill()
    until = time.monotonic() + AWAY_S
    _start_anew_and_read(bed)
    while time.monotonic() < until:
        time.sleep(30)
        _start_anew_and_read(bed)

    manager.restart()
    wait_until(lambda: manager.active("peers") == 2, "they come back to it", 60)


def _start_anew_and_read(bed: Bed) -> None:
    for daemon in bed.swarm.members:
        daemon.stop()
    for daemon in bed.swarm.members:
        daemon.restart()
    blob = bed.blob(SIZE)
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())
    assert bed.origin_bytes(blob) <= SIZE * 1.01, "they found scheduler and seed by their disks"


def test_members_and_manager_meet_over_mutual_tls_only(
    make_bed: Callable[..., Bed], tmp_path: Path
) -> None:
    authority = create_ca(tmp_path / "swarm" / "ca")  # the one that the nodes' certificates are of
    for name in ("manager", "scheduler-host"):
        issue(authority, tmp_path / "security" / name, "host", dns=[f"{name}.example"])
    guard = Guard()
    manager = Manager(tmp_path / "manager", guard, tmp_path / "security" / "manager")
    try:
        manager.restart()
        bed = _bed(make_bed, manager, tmp_path, tls=True)
        wait_until(lambda: manager.active("peers") == 2, "the nodes have come")
        assert (manager.active("schedulers"), manager.active("seed-peers")) == (1, 1)
        blob = bed.blob(SIZE)
        for reader in bed.read_all(blob):
            assert blob.is_whole(reader.result())
        assert bed.origin_bytes(blob) <= SIZE * 1.01
        for member in bed.swarm.members:
            assert "in force" in member.log_text()
        in_clear = bed.swarm.add_node(**_managed(manager, tmp_path / "c"), scheduler={"addrs": []})
        in_clear.restart()
        wait_until(lambda: "does not answer" in in_clear.log_text(), "it was refused")
        assert (manager.active("peers"), "in force" in in_clear.log_text()) == (2, False)
    finally:
        manager.stop()
        guard.close()


def test_limits_and_refusals_of_the_cluster_hold_at_once(
    make_bed: Callable[..., Bed], manager: Manager, tmp_path: Path
) -> None:
    bed = _bed(make_bed, manager, tmp_path)
    node = bed.swarm.nodes[0]
    wait_until(lambda: manager.active("peers") == 2, "the nodes have come")
    settings = {
        "download_rate_limit": 2 * MIB,
        "block_list": {"task": {"download": {"urls": ["forbidden"]}}},
    }
    manager.settle(peer_cluster_config=settings)
    wait_until(lambda: node.log_text().count("in force") >= 2, "it was told")
    limited, forbidden = bed.blob(SIZE), bed.blob(SIZE, name="forbidden.bin")
    received = bed.read(node, limited).result()
    assert limited.is_whole(received)
    assert received.seconds >= 2.0, "8 MiB at 2 MiB/s"
    refused = bed.read(node, forbidden).result()
    assert refused.status == 403
