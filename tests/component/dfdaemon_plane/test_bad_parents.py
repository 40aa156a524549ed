"""What a child makes of parents that stall, break off, lie or speak nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from blobstore import BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import DigestMismatch, PeerBroken
from dfdaemon.fetch.link import Stalled
from dfdaemon.fetch.parent import ParentConfig
from dfdaemon.fetch.requests import NotClaimed, ParentBusy, UnitAbsent
from dfdaemon.vortex.units import Absent, UnitContent, pack_busy
from dfdaemon.vortex.wire import Tag, pack
from dfinfra.jobs import spawn
from tests.component.dfdaemon_plane.bed import (
    GEOMETRY,
    any_of,
    bytes_of,
    child,
    commit,
    make_blob,
    named,
    nobody_vouches,
)
from tests.component.dfdaemon_plane.scripted import read_request, scripted, until_closed

Stores = Callable[[str], BlobStore]
HASTY = ParentConfig(answer_timeout_s=0.3, any_of_timeout_s=0.3, stall_timeout_s=0.2)


def head_of(unit: int) -> bytes:
    place = GEOMETRY.unit_range(unit)
    return UnitContent(unit, place.start, place.size, unit_digest(bytes_of(unit))).pack()


async def after_a_request(data: bytes, store_of: Stores, *, linger: bool = False) -> None:
    """Ask for unit 2 a parent that sends ``data`` and closes, or lingers."""
    target = make_blob(store_of("c"))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        if linger:
            await until_closed(reader)

    async with scripted(script) as addr, child(HASTY) as pool:
        try:
            await pool.fetch(addr, named(2), target, nobody_vouches)
        finally:
            assert not target.held.count_set


async def test_parent_closes_in_the_middle_of_a_unit(store_of: Stores) -> None:
    with pytest.raises(PeerBroken):
        await after_a_request(head_of(2) + bytes_of(2)[:-1], store_of)


async def test_parent_closes_before_it_answers(store_of: Stores) -> None:
    with pytest.raises(PeerBroken):
        await after_a_request(b"", store_of)


async def test_parent_closes_inside_the_head(store_of: Stores) -> None:
    with pytest.raises(PeerBroken):
        await after_a_request(head_of(2)[:10], store_of)


async def test_parent_stalls_in_the_middle_of_a_unit(store_of: Stores) -> None:
    with pytest.raises(Stalled):
        await after_a_request(head_of(2) + bytes_of(2)[:1000], store_of, linger=True)


async def test_parent_never_answers(store_of: Stores) -> None:
    with pytest.raises(Stalled):
        await after_a_request(b"", store_of, linger=True)


async def test_parent_sends_other_bytes(store_of: Stores) -> None:
    garbage = bytes(len(bytes_of(2)))
    with pytest.raises(DigestMismatch):
        await after_a_request(head_of(2) + garbage, store_of, linger=True)


async def test_parent_sends_another_unit(store_of: Stores) -> None:
    with pytest.raises(PeerBroken):
        await after_a_request(head_of(3) + bytes_of(3), store_of, linger=True)


async def test_parent_cuts_the_blob_otherwise(store_of: Stores) -> None:
    head = UnitContent(2, 2 << 20, 1 << 20, bytes(16)).pack()
    with pytest.raises(PeerBroken):
        await after_a_request(head, store_of, linger=True)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        pack(Tag.CONTROL_PING),
        pack(Tag.UNIT_CONTENT, b"short"),
        pack(Tag.ABSENT),
        pack(Tag.ABSENT, b"\x01\xff\xff"),
        b"\x00\xd4\xff\xff\xff\xff",
    ],
)
async def test_parent_speaks_nonsense(store_of: Stores, nonsense: bytes) -> None:
    with pytest.raises(PeerBroken):
        await after_a_request(nonsense, store_of, linger=True)


async def test_busy_and_absent_leave_the_connection_in_use(store_of: Stores) -> None:
    target = make_blob(store_of("c"))
    connections = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for answer in (pack_busy(), Absent(1, "not here").pack(), head_of(2) + bytes_of(2)):
            await read_request(reader)
            writer.write(answer)
        await until_closed(reader)

    async with scripted(script) as addr, child(HASTY) as pool:
        with pytest.raises(ParentBusy):
            await pool.fetch(addr, named(2), target, nobody_vouches)
        with pytest.raises(UnitAbsent):
            await pool.fetch(addr, named(2), target, nobody_vouches)
        await pool.fetch(addr, named(2), target, nobody_vouches)
    assert connections == 1


@pytest.mark.parametrize("rest", [1, 1000, 70_000])
async def test_a_small_rest_and_a_small_answer_after_it_are_heard(
    store_of: Stores, rest: int
) -> None:
    target = make_blob(store_of("c"))
    nearly_over = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head_of(2) + bytes_of(2)[:-rest])
        await nearly_over.wait()
        writer.write(bytes_of(2)[-rest:])
        await read_request(reader)
        writer.write(pack_busy())
        await until_closed(reader)

    # With a stall timeout beyond the test's own: a rest that nobody is told of is heard then.
    patient = ParentConfig(stall_timeout_s=600)
    async with scripted(script) as addr, child(patient) as pool:
        await pool.fetch(addr, named(2), target, nobody_vouches, on_ebb=nearly_over.set)
        assert 2 in target.held
        with pytest.raises(ParentBusy):
            await pool.fetch(addr, named(3), target, nobody_vouches)


async def test_seed_chooses_what_was_not_asked_for(store_of: Stores) -> None:
    target = make_blob(store_of("c"))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head_of(2))
        await until_closed(reader)

    async with scripted(script) as addr, child(HASTY) as pool:
        with pytest.raises(PeerBroken):
            await pool.fetch(addr, any_of([1, 3]), target, nobody_vouches)


async def test_unit_that_is_held_already_is_left_alone(store_of: Stores) -> None:
    target = make_blob(store_of("c"), [2])

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head_of(2))
        await until_closed(reader)

    async with scripted(script) as addr, child(HASTY) as pool:
        with pytest.raises(NotClaimed):
            await pool.fetch(addr, named(2), target, nobody_vouches)


async def test_parent_that_trickles_is_given_up(
    store_of: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfdaemon.fetch.receive._RATE_GRACE_S", 0.2)
    target = make_blob(store_of("c"))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head_of(2))
        for _ in range(200):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with scripted(script) as addr, child(HASTY) as pool:
        with pytest.raises(Stalled):
            await pool.fetch(addr, named(2), target, nobody_vouches)


async def test_nobody_listens(store_of: Stores) -> None:
    target = make_blob(store_of("c"))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async with scripted(script) as addr:
        pass
    async with child(HASTY) as pool:
        with pytest.raises(PeerBroken):
            await pool.fetch(addr, named(2), target, nobody_vouches)


async def test_cancelled_transfer_has_stopped_writing(store_of: Stores) -> None:
    target = make_blob(store_of("c"))
    half_sent = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head_of(2) + bytes_of(2)[:100_000])
        await writer.drain()
        half_sent.set()
        await until_closed(reader)

    async with scripted(script) as addr, child() as pool:
        fetching = spawn(pool.fetch(addr, named(2), target, nobody_vouches), name="fetch")
        await half_sent.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        # The unit is free for another transfer at once.
        await asyncio.to_thread(commit, target, [2])
    assert target.digests(2) == unit_digest(bytes_of(2))
