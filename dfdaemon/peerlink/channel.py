"""One control channel: frames both ways, and a prompt end when the other side is gone.

The hosts of a cluster talk about tasks here (who joins, who holds what) and ask Hub metadata
through the seed; `pb.Frame` says what. Each host dials its own channels and accepts those of
others; once open, both sides are alike. Three jobs per channel: one reads, one writes, one pings
and counts the intervals in which nothing was heard. It counts its own ticks, not the clock, so
that a host whose own loop stood still does not take the others for dead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from dfcore.errors import BadInput, PeerBroken
from dfdaemon.peerlink.conn import close_writer
from dfdaemon.peerlink.outbox import NewsPace, Outbox
from dfdaemon.vortex.wire import HEADER_SIZE, Tag, pack, parse_header
from dfinfra.jobs import JobGroup
from dfinfra.pb import meganeura_pb2 as pb

PROTOCOL_VERSION = 1
_READ_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """Bounds and times of a channel.

    A ping leaves every ``ping_interval_s``; a peer silent for ``silent_pings`` of them is gone.
    News of units is gathered for ``gather_s``, and longer where it comes in a stream
    (`outbox.NewsPace`). ``outbox_frames`` may wait to be sent,
    ``inbox_frames`` to be read.
    """

    connect_timeout_s: float = 2.0
    hello_timeout_s: float = 5.0
    ping_interval_s: float = 1.0
    silent_pings: int = 5
    gather_s: float = 0.02
    outbox_frames: int = 1024
    inbox_frames: int = 256
    max_frame_bytes: int = 16 * 1024 * 1024


class Channel:
    """A control channel, the same on the side that dialled and the side that accepted.

    ``peer`` is who is at the other end, by its own word; ``secure`` tells that it proved by
    mutual TLS to belong to the cluster. For the loop's thread only; one reader of `frames`, any
    senders.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: pb.Hello,
        *,
        secure: bool,
        config: ChannelConfig,
    ) -> None:
        """Take over an open connection on which the hellos were exchanged."""
        self.peer = peer
        self.secure = secure
        self._reader = reader
        self._writer = writer
        self._config = config
        self._outbox = Outbox(config.outbox_frames)
        self._pace = NewsPace(config.gather_s)
        self._inbox: deque[pb.Frame] = deque()
        self._to_send = asyncio.Event()
        self._sent = asyncio.Event()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._ended = False
        self._error: PeerBroken | None = None
        self._reading = False
        self._silent_ticks = 0
        self._jobs = JobGroup(f"channel {peer.host_id}")
        self._jobs.spawn(self._read(), name="read")
        self._jobs.spawn(self._write(), name="write")
        self._jobs.spawn(self._tick(), name="tick")

    @property
    def closed(self) -> bool:
        """Nothing more can be sent."""
        return self._ended

    async def send(self, frame: pb.Frame) -> None:
        """Queue a frame, waiting while the outbox is full. PeerBroken once the channel ended."""
        while self._outbox.full and not self._ended:
            self._sent.clear()
            await self._sent.wait()
        self.send_nowait(frame)

    def send_nowait(self, frame: pb.Frame) -> None:
        """Queue a frame. PeerBroken once the channel is closed.

        A full outbox ends the channel, since the peer does not keep up; whoever reads `frames`
        hears of it there.
        """
        self._check_open()
        if self._outbox.full:
            self._end(PeerBroken(f"host {self.peer.host_id} does not read its control channel"))
            return
        self._outbox.add(frame)
        self._to_send.set()

    def tell(
        self,
        task_id: str,
        units: Mapping[int, bytes],
        *,
        complete: bool = False,
        urgent: bool = True,
    ) -> None:
        """Tell the peer of units that are here, by number with their digests, or that all are.

        They are gathered, and never fill the outbox. What is not ``urgent`` goes with the next frame,
        and with the next sign of life at the latest. PeerBroken once the channel is closed.
        """
        self._check_open()
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._pace.told(now)
        self._outbox.tell(task_id, units, complete=complete)
        if urgent and self._gathering is None:
            self._gathering = loop.call_at(self._pace.due(now), self._flush_news)

    def _check_open(self) -> None:
        if self._ended:
            raise self._error or PeerBroken("the control channel is closed")

    async def frames(self) -> AsyncIterator[pb.Frame]:
        """The frames that arrive. Ends when the peer closes; PeerBroken if it broke off or is
        gone.
        """
        while True:
            while self._inbox:
                frame = self._inbox.popleft()
                self._room.set()
                yield frame
            if self._ended:
                if self._error is not None:
                    raise self._error
                return
            self._arrived.clear()
            await self._arrived.wait()

    async def aclose(self) -> None:
        """Send what is queued, if the peer takes it at once, and close."""
        if not self._ended:
            self._outbox.flush_news()
            self._end(None)
            while data := self._outbox.take():
                self._writer.write(data)
            self._writer.write(pack(Tag.CLOSE))
        await self._jobs.cancel_all()
        await close_writer(self._writer)

    def _flush_news(self) -> None:
        self._gathering = None
        self._pace.sent(asyncio.get_running_loop().time())
        self._outbox.flush_news()
        # At once where the peer takes it: to wake the writer's job costs as much as to write. Whoever
        # reads hears that it is closed.
        closing = self._writer.is_closing()
        if not closing and not self._writer.transport.get_write_buffer_size():
            self._writer.write(self._outbox.take())
        if len(self._outbox):
            self._to_send.set()

    def _end(self, error: PeerBroken | None) -> None:
        """Note the end once; wakes everybody who waits on the channel."""
        if self._ended:
            return
        self._ended, self._error = True, error
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        for event in (self._to_send, self._sent, self._arrived, self._room):
            event.set()
        if error is not None:
            self._writer.transport.abort()

    async def _read(self) -> None:
        try:
            while frame := await self._next_frame():
                while len(self._inbox) >= self._config.inbox_frames and not self._ended:
                    self._room.clear()
                    await self._room.wait()
                self._inbox.append(frame)
                self._arrived.set()
            self._end(None)
        except (OSError, EOFError) as error:
            self._end(PeerBroken(f"host {self.peer.host_id} broke the control channel: {error}"))
        except (BadInput, DecodeError) as error:
            self._end(PeerBroken(f"host {self.peer.host_id} sent nonsense: {error}"))

    async def _next_frame(self) -> pb.Frame | None:
        """The next frame, None when the peer says that it closes. Signs of life are taken in."""
        while True:
            tag, value = await self._next_packet()
            match tag:
                case Tag.CONTROL_PING:
                    continue
                case Tag.CONTROL_FRAME:
                    return pb.Frame.FromString(value)
                case Tag.CLOSE:
                    return None
                case _:
                    raise BadInput(f"a packet with tag {tag} on a control channel")

    async def _next_packet(self) -> tuple[int, bytes]:
        self._reading = True
        try:
            head = await self._reader.readexactly(HEADER_SIZE)
            self._silent_ticks = 0
            header = parse_header(head, longest=self._config.max_frame_bytes)
            value = bytearray()
            while len(value) < header.length:
                part = await self._reader.read(min(_READ_SIZE, header.length - len(value)))
                if not part:
                    raise EOFError("it ended inside a packet")
                self._silent_ticks = 0
                value += part
            return header.tag, bytes(value)
        finally:
            self._reading = False

    async def _write(self) -> None:
        try:
            while not self._ended:
                await self._to_send.wait()
                self._to_send.clear()
                while not self._ended and (data := self._outbox.take()):
                    self._writer.write(data)
                    await self._writer.drain()
                    self._sent.set()
        except OSError as error:
            self._end(PeerBroken(f"host {self.peer.host_id} broke the control channel: {error}"))

    async def _tick(self) -> None:
        while not self._ended:
            await asyncio.sleep(self._config.ping_interval_s)
            # While our own consumer is slow nothing is read, and nothing can be heard.
            self._silent_ticks = self._silent_ticks + 1 if self._reading else 0
            if self._silent_ticks > self._config.silent_pings:
                self._end(PeerBroken(f"host {self.peer.host_id} has fallen silent"))
                return
            self._outbox.add_ping()
            self._to_send.set()
