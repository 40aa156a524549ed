"""Vortex as plain Dragonfly speaks it (dragonflyoss/vortex-protocol, client/tcp.rs, server/tcp.rs).

Written anew from the protocol, not with our own wire code: one connection carries one piece, whose
digest is a crc32 in decimal.
"""

from __future__ import annotations

import asyncio
import random
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

DOWNLOAD_PIECE, PIECE_CONTENT, ERROR = 0, 1, 255
PATIENCE_S = 30.0


class Refused(Exception):  # noqa: N818 - says what happened
    """The parent answered with an Error packet."""


@dataclass(frozen=True)
class Piece:
    """A piece as it came."""

    number: int
    offset: int
    digest: str
    content: bytes


async def fetch(host: str, port: int, task_id: str, number: int) -> Piece:
    """Ask for one piece on a connection of its own, and read to its end."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            value = task_id.encode() + struct.pack(">I", number)
            packet_id = random.randrange(255)
            writer.write(struct.pack(">BBI", packet_id, DOWNLOAD_PIECE, len(value)) + value)
            writer.write_eof()  # the client drops its half of the stream once it has asked
            _, tag, length = struct.unpack(">BBI", await reader.readexactly(6))
            head = await reader.readexactly(length)
            if tag == ERROR:
                raise Refused(head[2:].decode())
            assert tag == PIECE_CONTENT, tag
            piece, size = _parse(head)
            content = await reader.read(-1)
        finally:
            writer.close()
            await writer.wait_closed()
    assert len(content) == size, f"{len(content)} bytes of {size}"
    assert piece.digest == f"crc32:{zlib.crc32(content)}"
    assert piece.number == number
    return Piece(piece.number, piece.offset, piece.digest, content)


def _parse(head: bytes) -> tuple[Piece, int]:
    (metadata_length,) = struct.unpack_from(">I", head)
    assert metadata_length == len(head) - 4
    number, offset, size = struct.unpack_from(">IQQ", head, 4)
    digest, at = _text(head, 24)
    _parent, at = _text(head, at)
    _traffic, _cost, _created = struct.unpack_from(">BQq", head, at)
    assert at + 17 == len(head)
    return Piece(number, offset, digest, b""), size


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", data, at)
    return data[at + 4 : at + 4 + length].decode(), at + 4 + length


Find = Callable[[str, int], Awaitable[tuple[int, bytes] | None]]


class Server:
    """Serves pieces: ``find`` gives offset and bytes of a piece, or None."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._server: asyncio.Server | None = None
        self.port = 0
        self.served = 0
        self.find_nothing = False

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One header, one answer, the end."""
        try:
            packet_id, tag, length = struct.unpack(">BBI", await reader.readexactly(6))
            value = await reader.readexactly(length)
            assert (tag, length) == (DOWNLOAD_PIECE, 68)
            (number,) = struct.unpack(">I", value[64:])
            found = await self._find(value[:64].decode(), number)
            if found is None or self.find_nothing:
                message = b"\x02:piece not found"
                writer.write(struct.pack(">BBI", packet_id, ERROR, len(message)) + message)
            else:
                self.served += 1
                writer.write(_content(packet_id, number, *found))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the child has gone
        finally:
            writer.close()


def _content(packet_id: int, number: int, offset: int, content: bytes) -> bytes:
    digest = f"crc32:{zlib.crc32(content)}".encode()
    metadata = struct.pack(">IQQI", number, offset, len(content), len(digest)) + digest
    metadata += struct.pack(">I", 0) + struct.pack(">BQq", 1, 0, 1_700_000_000)
    head = struct.pack(">BBII", packet_id, PIECE_CONTENT, len(metadata) + 4, len(metadata))
    return head + metadata + content
