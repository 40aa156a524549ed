"""Accepted connections, as packets: over a plain socket of our own, or a TLS stream.

The upload server makes them; it serves data requests on them, or hands one that begins with a hello
to a `Channel`. A plain connection keeps its socket free of transports, so that the kernel can send
files on it; under TLS the loop's stream does the work.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dfcore.errors import PeerBroken
from dfdaemon.vortex.wire import HEADER_SIZE, MAX_REQUEST_SIZE, parse_header
from dfinfra.jobs import spawn

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
    protocol = ""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._given_away = False

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

    @asynccontextmanager
    async def watching(self, gone: Callable[[], None]) -> AsyncIterator[None]:
        """Meanwhile call ``gone`` (perhaps often) if the peer closes, or speaks out of turn."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sock, gone)
        try:
            yield
        finally:
            loop.remove_reader(self.sock)

    async def to_streams(self) -> Streams:
        """Give the socket to a stream; this object is then of no more use."""
        self._given_away = True
        return await _streams(self.sock, None, None)

    async def aclose(self) -> None:
        if not self._given_away:
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

    @property
    def protocol(self) -> str:
        """What was agreed on within TLS (ALPN); empty if nothing was said."""
        return self.writer.get_extra_info("ssl_object").selected_alpn_protocol() or ""

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

    @asynccontextmanager
    async def watching(self, gone: Callable[[], None]) -> AsyncIterator[None]:
        """Meanwhile call ``gone`` if the peer closes, or speaks out of turn."""
        job = spawn(self._speak_out_of_turn(gone), name="data connection: peer gone?")
        try:
            yield
        finally:
            job.cancel()
            await asyncio.wait({job})

    async def _speak_out_of_turn(self, gone: Callable[[], None]) -> None:
        try:
            await self.reader.read(1)
        except OSError:
            pass
        gone()

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
