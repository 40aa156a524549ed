"""Pieces to and from plain Dragonfly peers, byte for byte as their protocol says."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable

import pytest

from blobstore import BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import DigestMismatch, PeerBroken
from dfdaemon.fetch.parent import ParentConfig
from dfdaemon.fetch.requests import Address, UnitAbsent
from dfdaemon.upload.served import ServedTask
from dfdaemon.vortex.pieces import PieceContent, PieceError
from tests.component.dfdaemon_plane.bed import (
    CONTENT,
    MIB,
    TASK,
    UNITS,
    bytes_of,
    child,
    make_blob,
    parent,
)
from tests.component.dfdaemon_plane.scripted import read_request, scripted

Stores = Callable[[str], BlobStore]
PIECE_0, PIECE_1 = CONTENT[: 4 * MIB], CONTENT[4 * MIB :]
HASTY = ParentConfig(answer_timeout_s=0.3, stall_timeout_s=0.2)


async def ask(addr: Address, *pieces: int) -> list[tuple[int, int, bytes]]:
    """Ask as dragonflyoss/client does: packet id, tag and everything behind it, per answer."""
    reader, writer = await asyncio.open_connection(*addr)
    answers = []
    for number, piece in enumerate(pieces):
        value = TASK.encode() + struct.pack(">I", piece)
        writer.write(struct.pack(">BBI", 40 + number, 0, len(value)) + value)
        packet_id, tag, length = struct.unpack(">BBI", await reader.readexactly(6))
        data = await reader.readexactly(length)
        if tag == 1:
            (size,) = struct.unpack_from(">Q", data, 4 + 12)
            data += await reader.readexactly(size)
        answers.append((packet_id, tag, data))
    writer.close()
    await writer.wait_closed()
    return answers


async def test_plain_peer_gets_its_pieces(store_of: Stores) -> None:
    source = make_blob(store_of("p"), range(UNITS))
    async with parent(ServedTask(source)) as up:
        first, second = await ask(up.addr, 0, 1)
    packet_id, tag, data = first
    assert (packet_id, tag) == (40, 1)
    digest = f"crc32:{zlib.crc32(PIECE_0)}".encode()
    (metadata_length,) = struct.unpack_from(">I", data)
    assert metadata_length == 4 + 8 + 8 + 4 + len(digest) + 4 + 1 + 8 + 8
    assert struct.unpack_from(">IQQI", data, 4) == (0, 0, 4 * MIB, len(digest))
    assert data[28 : 28 + len(digest)] == digest
    assert data[4 + metadata_length :] == PIECE_0
    assert second[0] == 41
    assert second[2].endswith(PIECE_1)


@pytest.mark.parametrize("restricted", [False, True], ids=["partly held", "restricted"])
async def test_plain_peer_hears_what_it_cannot_have(store_of: Stores, restricted: bool) -> None:
    units = range(UNITS) if restricted else range(1, 8)
    source = make_blob(store_of("p"), units)
    async with parent(ServedTask(source, restricted=restricted)) as up:
        for packet_id, tag, data in await ask(up.addr, 0, 99):
            assert (packet_id in (40, 41), tag) == (True, 255)
            assert data.startswith(b"\x02:piece ")


async def test_piece_from_a_plain_parent(store_of: Stores) -> None:
    source, target = make_blob(store_of("p"), range(UNITS)), make_blob(store_of("c"), [2])
    async with parent(ServedTask(source)) as up, child() as pool:
        got = await pool.fetch_piece(up.addr, TASK, 0, target)
        assert got.length == 4 * MIB
        assert got.units == tuple(
            (unit, unit_digest(bytes_of(unit))) for unit in range(8) if unit != 2
        )
        await pool.fetch_piece(up.addr, TASK, 1, target)
    assert target.pread(0, len(CONTENT)) == CONTENT


async def test_plain_parent_that_lacks_the_piece(store_of: Stores) -> None:
    source, target = make_blob(store_of("p")), make_blob(store_of("c"))
    async with parent(ServedTask(source)) as up, child() as pool:
        with pytest.raises(UnitAbsent):
            await pool.fetch_piece(up.addr, TASK, 0, target)


def content(piece: int = 1, *, size: int = len(PIECE_1), digest: str | None = None) -> bytes:
    digest = f"crc32:{zlib.crc32(PIECE_1)}" if digest is None else digest
    return PieceContent(piece, 4 * MIB, size, digest, "somebody").pack()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (content() + PIECE_1[:-1], PeerBroken),
        (content() + PIECE_1[:-1] + b"\x00", DigestMismatch),
        (content(0) + PIECE_1, PeerBroken),
        (content(size=5) + PIECE_1, PeerBroken),
        (content(digest="") + PIECE_1, PeerBroken),
        (content(digest="rot13:xyz") + PIECE_1, PeerBroken),
        (b"", PeerBroken),
        (b"\x00\x01\x00\x00\x00\x04\xff\xff\xff\xff", PeerBroken),
        (b"\x00\x01\x00\x00\x00\x08\x00\x00\x00\x04abcd", PeerBroken),
        (b"\x00\x07\x00\x00\x00\x00", PeerBroken),
        (b"\x00\xff\x00\x00\x00\x01x", PeerBroken),
        (PieceError(3, "oh").pack(), UnitAbsent),
    ],
)
async def test_bad_plain_parents(store_of: Stores, answer: bytes, error: type[Exception]) -> None:
    target = make_blob(store_of("c"))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)

    async with scripted(script) as addr, child(HASTY) as pool:
        with pytest.raises(error):
            await pool.fetch_piece(addr, TASK, 1, target)
    assert not target.held.count_set
