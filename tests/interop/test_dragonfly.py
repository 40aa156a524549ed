"""Dragonfly's own scheduler and daemons beside ours, as real processes (README.md tells which)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.cluster.bed import wait_until
from tests.conftest import _SWARMS
from tests.interop.bed import MIB, Bed, Downloaded, File, download, started, tool
from tests.interop.dragonfly import GoManager, GoScheduler, RustDaemon, needs
from tests.servers import shared
from tests.servers.processes import Redis
from tests.swarm.guard import Guard
from tests.swarm.manager import Manager
from tests.swarm.plan import ADDRESS
from tests.swarm.swarm import Host

pytestmark = pytest.mark.cluster
SIZE = 21 * MIB
ASIDE = 256
"""Bytes that the questions for size and validator may cost the origin."""
PATIENCE_S = 60.0


class Cluster:
    """Ours and theirs around one manager of ours; all end with the test."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> None:
        self._request, self._folder, self._stack = request, folder, stack
        guard = Guard()
        stack.callback(guard.close)
        self.manager = Manager(folder / "manager", guard)
        self.manager.restart()
        stack.callback(self.manager.stop)

    @property
    def manager_address(self) -> str:
        return f"{ADDRESS}:{self.manager.grpc}"

    def their_manager(self) -> str:
        """Where a manager of theirs serves gRPC."""
        server = shared.url("postgresql")
        name = f"dragonfly_{self._folder.name.lower()}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        postgres = f"{server.rpartition('/')[0]}/{name}"
        redis = self._stack.enter_context(Redis(self._folder / "redis"))
        folder = self._folder / "manager-theirs"
        made = GoManager(folder, postgres=postgres, redis=redis.port)
        return f"{ADDRESS}:{self._stack.enter_context(made).grpc}"

    def bed(self, *, schedulers: int, seeds: int, nodes: int, manager: str = "") -> Bed:
        """Ours, who are told of the manager only."""

        def managed(name: str) -> dict[str, Any]:
            copy = str(self._folder / f"{name}.copy")
            return {"manager": {"addrs": [manager or self.manager_address], "copy": copy}}

        alone = {"scheduler": {"addrs": []}, "hub": {"refTtl": "0.1s"}}
        opened = started(
            self._folder,
            schedulers=schedulers,
            seeds=seeds,
            nodes=nodes,
            scheduler=[managed(f"scheduler-{n}") for n in range(schedulers)],
            seed=[alone | managed(f"seed-{n}") for n in range(seeds)],
            node=[alone | managed(f"node-{n}") for n in range(nodes)],
        )
        bed = self._stack.enter_context(opened)
        self._request.node.stash.setdefault(_SWARMS, []).append(bed.swarm)
        return bed

    def bed_with_scheduler(self, *, seeds: int, nodes: int) -> Bed:
        """Ours with a scheduler of ours, which the manager knows of already."""
        bed = self.bed(schedulers=1, seeds=seeds, nodes=nodes)
        wait_until(lambda: self.manager.active("schedulers") == 1, "our scheduler is active")
        return bed

    def scheduler(self, name: str, **options: Any) -> GoScheduler:
        """One of theirs, under our manager."""
        options.setdefault("manager", self.manager_address)
        return self._stack.enter_context(GoScheduler(name, self._folder / name, **options))

    def daemon(self, name: str, **options: Any) -> RustDaemon:
        """One of theirs, which asks our manager for its schedulers."""
        if not options.get("schedulers"):
            options.setdefault("manager", self.manager_address)
        return self._stack.enter_context(RustDaemon(name, self._folder / name, **options))


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(request, tmp_path, stack)


async def ours(host: Host, file: File, **fields: Any) -> Downloaded:
    """Download by one of our nodes; the bytes are the right ones."""
    async with tool(host) as stub:
        got = await download(stub, url=file.url, need_piece_content=True, **fields)
    assert got.sha256 == file.sha256
    return got


def theirs(daemon: RustDaemon, file: File, *options: str) -> None:
    """Download by dfget; the bytes are the right ones."""
    output = (
        daemon.folder / f"got-{file.name.replace('/', '-')}-{len(list(daemon.folder.iterdir()))}"
    )
    daemon.get(file.url, output, *options)
    assert hashlib.sha256(output.read_bytes()).hexdigest() == file.sha256


def once(bed: Bed, file: File) -> None:
    """The origin sent the file once, whoever asked."""
    assert bed.origin_bytes(file) <= file.size_bytes + ASIDE


@needs("scheduler")
async def test_their_scheduler_registers_with_our_manager_and_leads_our_hosts(
    cluster: Cluster,
) -> None:
    scheduler = cluster.scheduler("scheduler-theirs")
    wait_until(lambda: cluster.manager.active("schedulers") == 1, "their scheduler is active")
    bed = cluster.bed(schedulers=0, seeds=1, nodes=2)
    for host in (bed.seed, *bed.swarm.nodes):
        wait_until(lambda h=host: scheduler.address in h.log_text(), "it was told of it")  # type: ignore[misc]
    wait_until(
        lambda: f"{ADDRESS}-{bed.seed.name}-seed" in scheduler.log_text(), "the seed is there"
    )
    file = bed.plain(SIZE)
    for node in bed.swarm.nodes:
        got = await ours(node, file)
        assert got.task_id == file.task_id
    once(bed, file)
    scheduler.stop()
    wait_until(lambda: cluster.manager.active("schedulers") == 0, "it has gone")


@needs("manager", "scheduler")
async def test_our_hosts_and_both_schedulers_under_their_manager(cluster: Cluster) -> None:
    manager = cluster.their_manager()
    scheduler = cluster.scheduler("scheduler-theirs", manager=manager)
    bed = cluster.bed(schedulers=1, seeds=1, nodes=2, manager=manager)
    for host in (bed.seed, *bed.swarm.nodes):
        for address in (scheduler.address, bed.swarm.scheduler.address):
            wait_until(lambda h=host, a=address: a in h.log_text(), "it knows both", 90)  # type: ignore[misc]
    for _ in range(4):
        file = bed.plain(SIZE)
        for node in bed.swarm.nodes:
            await ours(node, file)
        once(bed, file)


@needs("dfdaemon", "dfget")
async def test_their_daemons_under_our_scheduler_and_manager(cluster: Cluster) -> None:
    bed = cluster.bed_with_scheduler(seeds=1, nodes=1)
    scheduler = bed.swarm.scheduler
    one, two = cluster.daemon("theirs-one"), cluster.daemon("theirs-two")
    for daemon in (one, two):
        wait_until(lambda d=daemon: d.host_id in scheduler.log_text(), "it was announced")  # type: ignore[misc]
    file = bed.plain(SIZE)
    # Cold, from our seed; warm, from whoever has it; and ours from them.
    theirs(one, file)
    assert one.traffic() == {"REMOTE_PEER": file.size_bytes}
    theirs(two, file)
    assert two.traffic() == {"REMOTE_PEER": file.size_bytes}
    got = await ours(bed.node, file)
    assert got.task_id == file.task_id
    once(bed, file)


@needs("dfdaemon", "dfget")
async def test_their_seed_feeds_our_nodes_under_our_scheduler(cluster: Cluster) -> None:
    bed = cluster.bed_with_scheduler(seeds=0, nodes=2)
    scheduler = bed.swarm.scheduler
    seed = cluster.daemon("theirs", seed=True)
    wait_until(lambda: seed.host_id in scheduler.log_text(), "it was announced")
    file = bed.plain(SIZE)
    for node in bed.swarm.nodes:
        await ours(node, file)
    once(bed, file)
    assert seed.traffic() == {"BACK_TO_SOURCE": file.size_bytes}


@needs("dfdaemon", "dfget")
async def test_a_file_that_only_their_daemon_holds_reaches_ours(cluster: Cluster) -> None:
    bed = cluster.bed_with_scheduler(seeds=0, nodes=1)
    scheduler = bed.swarm.scheduler
    daemon = cluster.daemon("theirs")
    wait_until(lambda: daemon.host_id in scheduler.log_text(), "it was announced")
    file = bed.plain(SIZE)
    theirs(daemon, file)
    await ours(bed.node, file)
    once(bed, file)
    traffic = bed.node.figures().traffic
    assert (traffic.origin, traffic.peer) == (0, file.size_bytes)


@needs("scheduler", "dfdaemon", "dfget")
async def test_both_kinds_of_hosts_under_their_scheduler_and_our_manager(cluster: Cluster) -> None:
    scheduler = cluster.scheduler("scheduler-theirs")
    wait_until(lambda: cluster.manager.active("schedulers") == 1, "their scheduler is active")
    bed = cluster.bed(schedulers=0, seeds=0, nodes=2)
    one, two = cluster.daemon("theirs-one"), cluster.daemon("theirs-two")
    for host_id in (one.host_id, two.host_id, *(f"{ADDRESS}-{n.name}" for n in bed.swarm.nodes)):
        wait_until(lambda h=host_id: h in scheduler.log_text(), "it was announced")  # type: ignore[misc]
    first, second = bed.plain(SIZE), bed.plain(SIZE)
    theirs(one, first)
    await ours(bed.node, second)
    for file in (first, second):
        theirs(two, file)
        await ours(bed.swarm.nodes[1], file)
        once(bed, file)
    assert two.traffic() == {"REMOTE_PEER": 2 * SIZE}
