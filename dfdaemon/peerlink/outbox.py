"""What waits to be sent on a control channel: packets in order, Have frames gathered per task.

Pure; the channel's writer drains it. News of units come many times a second and for many tasks,
and a child loses nothing if it hears of several at once, so they are merged until `flush_news` or
until another frame is added, which must not overtake them.
"""

from __future__ import annotations

from collections import deque

from dfdaemon.vortex.wire import Tag, pack
from dfinfra.pb import meganeura_pb2 as pb


class Outbox:
    """A bounded queue of packets. ``limit`` counts frames; merged news is always taken."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._packets: deque[bytes] = deque()
        self._news: dict[str, pb.Have] = {}

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def full(self) -> bool:
        return len(self._packets) >= self._limit

    def add(self, frame: pb.Frame) -> bool:
        """Take a frame; returns True if it is news that waits for `flush_news`."""
        if frame.WhichOneof("frame") == "have":
            waiting = self._news.setdefault(frame.have.task_id, pb.Have(task_id=frame.have.task_id))
            waiting.units.extend(frame.have.units)
            waiting.digests += frame.have.digests
            waiting.complete = waiting.complete or frame.have.complete
            return True
        self.flush_news()
        self._packets.append(pack(Tag.CONTROL_FRAME, frame.SerializeToString()))
        return False

    def add_ping(self) -> None:
        """A sign of life, needed only if nothing else is about to be sent."""
        if not self._packets:
            self._packets.append(pack(Tag.CONTROL_PING))

    def flush_news(self) -> None:
        """Queue the gathered news."""
        for have in self._news.values():
            packet = pack(Tag.CONTROL_FRAME, pb.Frame(have=have).SerializeToString())
            self._packets.append(packet)
        self._news.clear()

    def take(self, limit_bytes: int = 64 * 1024) -> bytes:
        """The next packets as one buffer of about ``limit_bytes``; empty if there are none."""
        taken: list[bytes] = []
        size = 0
        while self._packets and size < limit_bytes:
            packet = self._packets.popleft()
            taken.append(packet)
            size += len(packet)
        return b"".join(taken)
