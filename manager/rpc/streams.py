"""The same as ``Watch`` on a bare TCP port, for clusters of many thousand nodes.

A gRPC stream costs the manager some 40 KiB for as long as a node is there, a connection here about
two: there is no job per node, only a protocol object. A frame is its length (4 bytes, highest
first) and a message. A node sends one ``WatchRequest`` and hears ``Configuration`` s as they come,
an empty frame every half minute. With a certificate of the cluster the port speaks mutual TLS, as
all others do.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from google.protobuf.message import DecodeError

from dfcore.errors import MeganeuraError
from dfinfra.http import listen_error
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import managerlink_pb2 as pb
from manager.db.clusters import Peer
from manager.rpc.directory import Directory
from manager.rpc.presence import Presence
from manager.rpc.told import Asker, asker_of, facts_of, told_to
from manager.rpc.watch import Key, PeerBook

log = get_logger("streams")

MAX_REQUEST = 16 << 10
QUIET_S = 30.0
BATCH = 64
HEAD = 4


def frame(message: bytes) -> bytes:
    """The message after its length."""
    return len(message).to_bytes(HEAD, "big") + message


class _Node(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_owner", "asker", "buffer", "digest", "number", "transport")

    def __init__(self, owner: NodeStreams) -> None:
        self._owner = owner
        self.buffer = b""
        self.asker: Asker | None = None
        self.number: int | None = None
        self.digest = ""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.asker is not None:
            self.transport.abort()  # it has said all that it may
            return
        self.buffer += data
        size = int.from_bytes(self.buffer[:HEAD], "big")
        if size > MAX_REQUEST:
            self.transport.abort()
        elif len(self.buffer) >= HEAD + size and len(self.buffer) > HEAD:
            raw, self.buffer = self.buffer[HEAD : HEAD + size], b""
            self._owner.asked(self, raw)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.left(self)


class NodeStreams:
    """A service: the port, and everybody who is connected to it."""

    name = "node streams"

    def __init__(
        self,
        address: tuple[str, int],
        directory: Directory,
        presence: Presence,
        book: PeerBook,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._address = address
        self._directory = directory
        self._presence = presence
        self._book = book
        self._tls = tls
        self._nodes: set[_Node] = set()
        self._jobs = JobGroup("node streams")
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Bind and serve. Raises ConfigError if the address cannot be bound."""
        loop, (ip, port) = asyncio.get_running_loop(), self._address
        try:
            self._server = await loop.create_server(
                lambda: _Node(self), ip, port, ssl=self._tls, backlog=1024
            )
        except OSError as error:
            raise listen_error(ip, port, error) from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._jobs.spawn(self._tell_changes(), name="changes")
        self._jobs.spawn(self._say_hello(), name="hello")

    async def stop(self) -> None:
        """Close the port and all connections."""
        await self._jobs.cancel_all()
        if self._server is not None:
            self._server.close()
        for node in list(self._nodes):
            node.transport.abort()

    def asked(self, node: _Node, raw: bytes) -> None:
        """A node has said who it is."""
        try:
            request = pb.WatchRequest.FromString(raw)
            node.asker = asker_of(request)
        except (DecodeError, MeganeuraError) as error:
            log.debug("a node was refused", reason=str(error))
            node.transport.abort()
            return
        _notice_the_dead(node.transport)
        node.digest = request.known_digest
        self._nodes.add(node)
        told = self._tell(node)
        if told.cluster.id:
            key = (node.asker.where.hostname, node.asker.where.ip, told.cluster.id)
            self._jobs.spawn(self._enter(node, key, facts_of(request)), name="enter")

    def left(self, node: _Node) -> None:
        """A connection has ended."""
        self._nodes.discard(node)
        if node.number is not None:
            self._presence.ended(Peer, node.number)
            node.number = None

    async def _enter(self, node: _Node, key: Key, facts: dict[str, Any]) -> None:
        number = await self._book.find(key, facts)
        if node in self._nodes:
            node.number = number
            self._presence.opened(Peer, number)

    def _tell(self, node: _Node) -> pb.Configuration:
        assert node.asker is not None
        told = told_to(self._directory.snapshot, node.asker)
        if told.digest != node.digest:
            node.digest = told.digest
            node.transport.write(frame(told.SerializeToString()))
        return told

    async def _tell_changes(self) -> None:
        snapshot = self._directory.snapshot
        while True:
            snapshot = await self._directory.newer(snapshot)
            for count, node in enumerate(list(self._nodes), 1):
                if node in self._nodes:
                    self._tell(node)
                if count % BATCH == 0:
                    await asyncio.sleep(0.002)

    async def _say_hello(self) -> None:
        while True:
            await asyncio.sleep(QUIET_S)
            for count, node in enumerate(list(self._nodes), 1):
                if node in self._nodes:
                    node.transport.write(frame(b""))
                if count % BATCH == 0:
                    await asyncio.sleep(0.01)


def _notice_the_dead(transport: Any) -> None:
    """Have the kernel find out that the other side is gone without a word."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
