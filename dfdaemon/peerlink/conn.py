"""Accepted connections, as packets: over a plain socket of our own, or a TLS stream.

The upload server makes them; it serves data requests on them, or hands one that begins with a hello
to a `Channel`. A plain connection keeps its socket free of transports, so that the kernel can send
files on it; under TLS the loop's stream does the work.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass

from dfcore.errors import PeerBroken
from dfdaemon.vortex.wire import HEADER_SIZE, MAX_REQUEST_SIZE, parse_header

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet's tag and value; ``packet_id`` is echoed to plain Dragonfly peers."""

    tag: int
    value: bytes
    packet_id: int = 0


class PlainConn:
    """Packets over a non-blocking socket in clear."""

    secure = False

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def read_packet(self, longest: int = MAX_REQUEST_SIZE) -> Packet | None:
        """The next packet, None if the peer closed between two. PeerBroken within one."""
        head = await self._read(HEADER_SIZE)
        if head is None:
            return None
        header = parse_header(head, longest=longest)
        value = await self._read(header.length) if header.length else b""
        if value is None:
            raise PeerBroken("the connection ended inside a packet")
        return Packet(header.tag, value, header.packet_id)

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def gone(self) -> None:
        """Return when the peer closes, or breaks the rule to be silent until it is answered."""
        await asyncio.get_running_loop().sock_recv(self.sock, 1)

    async def to_streams(self) -> Streams:
        """Give the socket to a stream; this object is then of no more use."""
        return await _streams(self.sock, None, None)

    async def aclose(self) -> None:
        self.sock.close()

    async def _read(self, size: int) -> bytes | None:
        """``size`` bytes, None if the connection ended before the first of them."""
        loop = asyncio.get_running_loop()
        data = await loop.sock_recv(self.sock, size)
        while 0 < len(data) < size:
            more = await loop.sock_recv(self.sock, size - len(data))
            if not more:
                raise PeerBroken("the connection ended inside a packet")
            data += more
        return data or None


class StreamConn:
    """Packets over a TLS stream."""

    secure = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read_packet(self, longest: int = MAX_REQUEST_SIZE) -> Packet | None:
        """The next packet, None if the peer closed between two. PeerBroken within one."""
        try:
            header = parse_header(await self.reader.readexactly(HEADER_SIZE), longest=longest)
            value = await self.reader.readexactly(header.length)
        except asyncio.IncompleteReadError as error:
            if not error.partial and error.expected == HEADER_SIZE:
                return None
            raise PeerBroken("the connection ended inside a packet") from error
        return Packet(header.tag, value, header.packet_id)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Return when the peer closes, or breaks the rule to be silent until it is answered."""
        await self.reader.read(1)

    async def to_streams(self) -> Streams:
        return self.reader, self.writer

    async def aclose(self) -> None:
        await close_writer(self.writer)


Conn = PlainConn | StreamConn


async def accept_tls(
    sock: socket.socket, context: ssl.SSLContext, handshake_timeout_s: float
) -> StreamConn:
    """Do the server's side of the handshake on an accepted socket."""
    return StreamConn(*await _streams(sock, context, handshake_timeout_s))


async def close_writer(writer: asyncio.StreamWriter, *, linger_s: float = 1.0) -> None:
    """Close a stream after what it still has to write, or abort it if the peer does not take
    that.
    """
    writer.close()
    try:
        async with asyncio.timeout(linger_s):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def _streams(
    sock: socket.socket, context: ssl.SSLContext | None, handshake_timeout_s: float | None
) -> Streams:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock, ssl=context, ssl_handshake_timeout=handshake_timeout_s
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
