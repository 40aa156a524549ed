"""The Vortex port of this host: who connects, how, and to what end.

Kinds of connection share the port and are told apart by their first bytes: TLS or clear, then a
hello (control channel), a request for a unit (data connection of our own), or a request for a piece
(plain Dragonfly); within TLS also gRPC. ``app`` makes one; the task engine is behind `TaskHost`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

from dfcore.errors import BadInput, PeerBroken
from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.peerlink.channel import ChannelConfig
from dfdaemon.peerlink.conn import Conn, Packet, PlainConn, accept_tls
from dfdaemon.peerlink.connect import answer
from dfdaemon.peerlink.waiting import readable
from dfdaemon.upload.config import UploadConfig
from dfdaemon.upload.data import DataService, OnSent, UnitSent
from dfdaemon.upload.relay import GRPC_PROTOCOL, relay
from dfdaemon.upload.sendfile import Sender
from dfdaemon.upload.served import TaskHost
from dfdaemon.vortex.pieces import ErrorCode, PieceError
from dfdaemon.vortex.wire import Tag
from dfinfra.http import listen_error
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import meganeura_pb2 as pb

__all__ = ["UnitSent", "UploadConfig", "UploadServer"]

# A TLS record that holds a handshake, in any version (RFC 8446, 5.1).
_TLS_HANDSHAKE = b"\x16\x03"
UNSENT_BYTES = 64 * 1024
"""What may wait in the kernel of one connection beyond what is on its way."""

_BACKLOG = 1024
_ACCEPT_PAUSE_S = 0.1

_log = get_logger("upload")


class UploadServer:
    """Serves plain Dragonfly peers, our own peers' data connections, and control channels.

    With ``tls`` (the cluster's mutual TLS as a server) control channels are taken over TLS alone,
    and restricted blobs leave over TLS alone; without it restricted blobs do not leave at all.
    ``grpc`` is the socket at which this host serves gRPC to those that came over mutual TLS.
    """

    name = "upload"

    def __init__(
        self,
        config: UploadConfig,
        host: TaskHost,
        hello: pb.Hello,
        *,
        tls: ssl.SSLContext | None = None,
        grpc: Path | None = None,
        limiter: Limiter = NO_LIMIT,
        sender: Sender | None = None,
        on_sent: OnSent | None = None,
        channel_config: ChannelConfig | None = None,
    ) -> None:
        self._config = config
        self._host = host
        self._hello = hello
        self._tls = tls
        self._grpc = grpc
        self._channel_config = channel_config or ChannelConfig()
        self._sender = sender or Sender(threads=config.send_threads)
        self._owns_sender = sender is None
        self._data = DataService(config, host, self._sender, limiter, on_sent)
        self._jobs = JobGroup("upload")
        self._listener: socket.socket | None = None
        self._connections = 0

    @property
    def port(self) -> int:
        """The port listened on; known after `start`, also when the config says 0."""
        if self._listener is None:
            return self._config.port
        port: int = self._listener.getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. Raises ConfigError if the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._config.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._config.host, self._config.port))
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise listen_error(self._config.host, self._config.port, error) from error
        self._listener = listener
        self._jobs.spawn(self._accept(listener), name="accept", vital=True)

    async def stop(self) -> None:
        """Stop listening and break off everything that is under way."""
        await self._jobs.cancel_all()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._data.close()
        if self._owns_sender:
            await self._sender.aclose()

    def refresh(self, task_id: str) -> None:
        """Something about the task changed other than its units: it ended, failed, or is gone."""
        self._data.seeding.refresh(task_id)

    def child_left(self, task_id: str, child_host_id: str) -> None:
        """The child has left the task or died: what it was given is not a copy any more."""
        self._data.seeding.child_left(task_id, child_host_id)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, addr = await loop.sock_accept(listener)
            except OSError as error:
                # Out of descriptors, or a connection that broke in the queue: neither is our end.
                _log.warning("accept failed", reason=str(error))
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            if self._connections >= self._config.max_connections:
                sock.close()
                continue
            self._connections += 1
            self._jobs.spawn(self._connection(sock, addr[0]), name=f"connection {addr[0]}")

    async def _connection(self, sock: socket.socket, peer_ip: str) -> None:
        conn: Conn = PlainConn(sock)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A slot is free when its unit has left, not when the kernel has taken it in: otherwise
            # more flows share the link than the slots allow.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            async with asyncio.timeout(self._config.first_packet_timeout_s):
                if await _begins_tls(sock):
                    conn = await self._secured(sock)
                for_grpc = conn.protocol == GRPC_PROTOCOL and self._grpc is not None
                packet = None if for_grpc else await conn.read_packet()
            if for_grpc and self._grpc is not None:
                await relay(await conn.to_streams(), self._grpc)
            elif packet is not None:
                await self._serve(conn, packet)
        except (OSError, TimeoutError, BadInput, PeerBroken) as error:
            _log.debug("connection ended", peer=peer_ip, reason=str(error) or repr(error))
        finally:
            self._connections -= 1
            await conn.aclose()

    async def _secured(self, sock: socket.socket) -> Conn:
        if self._tls is None:
            raise PeerBroken("it speaks TLS, and this host has no certificate")
        return await accept_tls(sock, self._tls, self._config.first_packet_timeout_s)

    async def _serve(self, conn: Conn, packet: Packet) -> None:
        if packet.tag != Tag.CONTROL_HELLO:
            await self._data.serve(conn, packet)
        elif self._tls is not None and not conn.secure:
            error = PieceError(ErrorCode.INVALID_ARGUMENT, "control channels are taken over TLS")
            await conn.write(error.pack())
        else:
            channel = await answer(conn, packet.value, self._hello, self._channel_config)
            try:
                await self._host.on_control(channel)
            finally:
                await channel.aclose()


async def _begins_tls(sock: socket.socket) -> bool:
    """Look at the first two bytes without taking them."""
    while True:
        await readable(sock.fileno())
        head = sock.recv(len(_TLS_HANDSHAKE), socket.MSG_PEEK)
        if len(head) != 1 or head != _TLS_HANDSHAKE[:1]:
            return head == _TLS_HANDSHAKE
        # The second byte is still on its way, and the first makes the socket readable already.
        await asyncio.sleep(_ACCEPT_PAUSE_S / 10)
