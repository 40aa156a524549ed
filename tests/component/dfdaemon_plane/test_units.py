"""A child takes units from a parent: the two real ends over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from blobstore import BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import DigestMismatch, PeerBroken
from dfdaemon.fetch.limiter import RateLimiter
from dfdaemon.fetch.requests import NotClaimed, ParentBusy, UnitAbsent
from dfdaemon.upload.served import ServedTask
from dfdaemon.vortex.units import AbsentCode
from dfinfra.jobs import spawn
from tests.component.dfdaemon_plane.bed import (
    CONTENT,
    SIZE,
    UNITS,
    UPLOAD,
    any_of,
    bytes_of,
    child,
    commit,
    make_blob,
    named,
    nobody_vouches,
    parent,
)
from tests.component.dfdaemon_plane.conftest import Cluster

Stores = Callable[[str], BlobStore]


async def test_every_unit_arrives_verified(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    async with parent(ServedTask(source)) as up, child() as pool:
        for unit in range(UNITS):
            got = await pool.fetch(up.addr, named(unit), target, nobody_vouches)
            assert (got.unit, got.length) == (unit, len(bytes_of(unit)))
            assert got.digest == unit_digest(bytes_of(unit)) == target.digests(unit)
            assert (await up.sent.get()).size_bytes == got.length
    assert target.pread(0, SIZE) == CONTENT


async def test_connection_is_used_again(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    async with parent(ServedTask(source), config=replace(UPLOAD, max_connections=1)) as up:
        async with child() as pool:
            for unit in range(4):
                await pool.fetch(up.addr, named(unit), target, nobody_vouches)


async def test_kept_connection_that_has_ended_is_replaced(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    async with child() as pool:
        async with parent(ServedTask(source)) as up:
            await pool.fetch(up.addr, named(0), target, nobody_vouches)
            config = replace(UPLOAD, port=up.server.port)
        async with parent(ServedTask(source), config=config) as again:
            await pool.fetch(again.addr, named(1), target, nobody_vouches)


async def test_restricted_blob_travels_over_tls_alone(store_of: Stores, cluster: Cluster) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    task = ServedTask(source, restricted=True)
    async with parent(task, tls=cluster.server) as up, child(tls=cluster.client) as pool:
        with pytest.raises(UnitAbsent) as refused:
            await pool.fetch(up.addr, named(3), target, nobody_vouches)
        assert refused.value.absent_code == AbsentCode.RESTRICTED
        for unit in (3, 4):
            await pool.fetch(up.addr, named(unit, tls=True), target, nobody_vouches)
    assert target.digests(4) == unit_digest(bytes_of(4))


async def test_stranger_is_refused(store_of: Stores, cluster: Cluster) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    task = ServedTask(source, restricted=True)
    async with parent(task, tls=cluster.server) as up, child(tls=cluster.stranger) as pool:
        with pytest.raises(PeerBroken):
            await pool.fetch(up.addr, named(0, tls=True), target, nobody_vouches)
    assert not target.held.count_set


async def test_parent_without_certificate_refuses_tls(store_of: Stores, cluster: Cluster) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    async with parent(ServedTask(source)) as up, child(tls=cluster.client) as pool:
        with pytest.raises(PeerBroken):
            await pool.fetch(up.addr, named(0, tls=True), target, nobody_vouches)


async def test_child_without_certificate_does_not_ask_for_restricted(store_of: Stores) -> None:
    target = make_blob(store_of("c"))
    async with child() as pool:
        with pytest.raises(UnitAbsent):
            await pool.fetch(("127.0.0.1", 9), named(0, tls=True), target, nobody_vouches)


@pytest.mark.parametrize(
    ("change", "code"),
    [({}, AbsentCode.NOT_HELD), ({"failed": True}, AbsentCode.TASK_FAILED)],
)
async def test_absent_is_told_and_the_connection_lives_on(
    store_of: Stores, change: dict[str, object], code: AbsentCode
) -> None:
    source, target = make_blob(store_of("p"), [1]), make_blob(store_of("c"))
    async with parent(ServedTask(source), config=replace(UPLOAD, max_connections=1)) as up:
        async with child() as pool:
            await pool.fetch(up.addr, named(1), target, nobody_vouches)
            up.host.change(**change)
            with pytest.raises(UnitAbsent) as refused:
                await pool.fetch(up.addr, named(2), target, nobody_vouches)
            assert refused.value.absent_code == code
            up.host.tasks.clear()
            with pytest.raises(UnitAbsent) as refused:
                await pool.fetch(up.addr, named(2), target, nobody_vouches)
            assert refused.value.absent_code == AbsentCode.UNKNOWN_TASK


async def test_evicted_blob_is_absent(store_of: Stores) -> None:
    store = store_of("p")
    source, target = make_blob(store, range(UNITS)), make_blob(store_of("c"))
    async with parent(ServedTask(source)) as up, child() as pool:
        store.delete(source.id)
        with pytest.raises(UnitAbsent):
            await pool.fetch(up.addr, named(0), target, nobody_vouches)


async def test_full_parent_refuses_at_once(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    config = replace(UPLOAD, slots=1)
    # So slow that the slot is surely taken when the second child asks.
    task = ServedTask(source, limiter=RateLimiter(2_000_000, 1000))
    async with parent(task, config=config) as up, child() as pool:
        started = asyncio.Event()

        def vouch(_: int) -> bytes | None:
            started.set()
            return None

        first = spawn(pool.fetch(up.addr, named(0), target, vouch), name="first")
        await started.wait()
        with pytest.raises(ParentBusy):
            await pool.fetch(up.addr, named(1, child="other"), target, nobody_vouches)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    assert not target.held.count_set


async def test_the_next_unit_is_asked_for_before_the_last_bytes_of_one_have_come(
    store_of: Stores,
) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    task = ServedTask(source, limiter=RateLimiter(4_000_000, 1000))
    async with parent(task, config=replace(UPLOAD, slots=1)) as up, child() as pool:
        ebbed = asyncio.Event()
        fetch = pool.fetch(up.addr, named(0), target, nobody_vouches, on_ebb=ebbed.set)
        first = spawn(fetch, name="first")
        await ebbed.wait()
        assert 0 not in target.held
        await pool.fetch(up.addr, named(1), target, nobody_vouches)
        await first
    assert 0 in target.held and 1 in target.held


async def test_digest_that_the_seed_did_not_announce_is_refused(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    async with parent(ServedTask(source)) as up, child() as pool:
        with pytest.raises(DigestMismatch):
            await pool.fetch(up.addr, named(0), target, lambda _: b"x" * 16)
    assert 0 not in target.held


async def test_seed_chooses_the_least_served_unit(store_of: Stores) -> None:
    source = make_blob(store_of("p"), range(UNITS))
    targets = [make_blob(store_of(f"c{i}")) for i in range(2)]
    async with parent(ServedTask(source, seed=True)) as up, child() as pool:
        got = []
        for name, target in zip(["a", "b"] * 3, targets * 3, strict=True):
            request = any_of(target.held.iter_missing(), child=name)
            got.append((await pool.fetch(up.addr, request, target, nobody_vouches)).unit)
    assert got == [0, 1, 2, 3, 4, 5]


async def test_seed_answers_when_the_unit_is_there(store_of: Stores) -> None:
    source, target = make_blob(store_of("p")), make_blob(store_of("c"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    async with parent(task) as up, child() as pool:
        waiting = spawn(
            pool.fetch(up.addr, any_of(range(UNITS)), target, nobody_vouches), name="waiting"
        )
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        await asyncio.to_thread(commit, source, [6])
        assert (await waiting).unit == 6


async def test_seed_sends_no_second_copy_while_it_fetches(store_of: Stores) -> None:
    source = make_blob(store_of("p"), [0])
    first, second = make_blob(store_of("c1")), make_blob(store_of("c2"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    async with parent(task) as up, child() as pool:
        await pool.fetch(up.addr, any_of([0, 1], child="a"), first, nobody_vouches)
        waiting = spawn(
            pool.fetch(up.addr, any_of([0, 1], child="b"), second, nobody_vouches), name="b"
        )
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        up.host.change(fetching_from_origin=False)
        up.server.refresh(task_id=source.id)
        assert (await waiting).unit == 0


async def test_copies_of_a_child_that_left_do_not_count(store_of: Stores) -> None:
    source = make_blob(store_of("p"), [0])
    first, second = make_blob(store_of("c1")), make_blob(store_of("c2"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    async with parent(task) as up, child() as pool:
        await pool.fetch(up.addr, any_of([0], child="a"), first, nobody_vouches)
        up.server.child_left(source.id, "a")
        got = await pool.fetch(up.addr, any_of([0], child="b"), second, nobody_vouches)
        assert got.unit == 0


async def test_seed_says_when_it_has_nothing_and_gets_nothing(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), [0]), make_blob(store_of("c"))
    async with parent(ServedTask(source, seed=True)) as up, child() as pool:
        with pytest.raises(UnitAbsent) as refused:
            await pool.fetch(up.addr, any_of([5]), target, nobody_vouches)
    assert refused.value.absent_code == AbsentCode.NOTHING_WANTED


async def test_long_wait_ends_as_busy(store_of: Stores) -> None:
    source, target = make_blob(store_of("p")), make_blob(store_of("c"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    async with parent(task, config=replace(UPLOAD, any_of_hold_s=0.05)) as up, child() as pool:
        for _ in range(2):
            with pytest.raises(ParentBusy):
                await pool.fetch(up.addr, any_of([5]), target, nobody_vouches)


async def test_task_that_goes_away_ends_the_wait(store_of: Stores) -> None:
    source, target = make_blob(store_of("p")), make_blob(store_of("c"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    async with parent(task) as up, child() as pool:
        waiting = spawn(
            pool.fetch(up.addr, any_of([5]), target, nobody_vouches),
            name="waiting",
            on_error=lambda _: None,
        )
        await asyncio.wait({waiting}, timeout=0.05)
        up.host.tasks.clear()
        up.server.refresh(source.id)
        with pytest.raises(UnitAbsent):
            await waiting


@pytest.mark.parametrize("secured", [False, True], ids=["clear", "tls"])
async def test_waiting_child_that_goes_frees_its_place(
    store_of: Stores, cluster: Cluster, secured: bool
) -> None:
    source, target = make_blob(store_of("p")), make_blob(store_of("c"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    server_tls = cluster.server if secured else None
    async with parent(task, tls=server_tls) as up, child(tls=cluster.client) as pool:
        waiting = spawn(
            pool.fetch(up.addr, any_of([5], tls=secured), target, nobody_vouches), name="waiting"
        )
        await asyncio.wait({waiting}, timeout=0.1)
        waiting.cancel()
        await asyncio.wait({waiting})
        # Whoever comes next gets the unit, though the first one asked for it earlier.
        after = spawn(
            pool.fetch(up.addr, any_of([5], tls=secured, child="b"), target, nobody_vouches),
            name="after",
        )
        await asyncio.wait({after}, timeout=0.1)
        await asyncio.to_thread(commit, source, [5])
        assert (await after).unit == 5
        assert (await up.sent.get()).child_host_id == "b"


async def test_unit_that_is_not_wanted_any_more_is_not_written(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"))
    async with parent(ServedTask(source, seed=True)) as up, child() as pool:
        with pytest.raises(NotClaimed):
            await pool.fetch(
                up.addr, any_of([3]), target, nobody_vouches, claim=lambda unit: unit != 3
            )
        assert not target.held.count_set
        got = await pool.fetch(
            up.addr, any_of([3]), target, nobody_vouches, claim=lambda unit: unit == 3
        )
        assert got.unit == 3


async def test_many_children_at_once(store_of: Stores, cluster: Cluster) -> None:
    source = make_blob(store_of("p"), range(UNITS))
    targets = [make_blob(store_of(f"c{i}")) for i in range(12)]
    config = replace(UPLOAD, send_threads=2)

    async with parent(ServedTask(source, seed=True), tls=cluster.server, config=config) as up:
        async with child(tls=cluster.client) as pool:

            async def whole(number: int) -> None:
                target = targets[number]
                while not target.held.is_full:
                    request = any_of(
                        target.held.iter_missing(), child=f"c{number}", tls=number % 3 == 0
                    )
                    await pool.fetch(up.addr, request, target, nobody_vouches)

            async with asyncio.TaskGroup() as group:
                for number in range(len(targets)):
                    group.create_task(whole(number))
    for target in targets:
        assert target.pread(0, SIZE) == CONTENT


async def test_closing_the_pool_ends_transfers(store_of: Stores) -> None:
    source, target = make_blob(store_of("p")), make_blob(store_of("c"))
    task = ServedTask(source, seed=True, fetching_from_origin=True)
    async with parent(task) as up:
        async with child() as pool:
            waiting = spawn(
                pool.fetch(up.addr, any_of([5]), target, nobody_vouches),
                name="waiting",
                on_error=lambda _: None,
            )
            await asyncio.wait({waiting}, timeout=0.05)
        with pytest.raises(PeerBroken):
            await waiting
