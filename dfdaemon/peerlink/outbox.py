"""What waits to be sent on a control channel: packets in order, news of units gathered per task.

Pure; the channel's writer drains it. News of units come many times a second and for many tasks,
and a child loses nothing if it hears of several at once, so they are merged until `flush_news` or
until another frame is added, which must not overtake them. `NewsPace` says when to flush: in a swarm
of n hosts every unit is told n times for each time that it is fetched, and a frame for each would
cost the hosts more than all else that they do for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from dfdaemon.vortex.wire import Tag, pack
from dfinfra.pb import meganeura_pb2 as pb

RECENT_NEWS = 8
"""Of how many pieces of news, about, the usual spacing is."""
LONGEST_SPACING_S = 1.0


@dataclass(slots=True)
class NewsPace:
    """When gathered news goes out: after ``gather_s``, but not more often than for every ``per_frame``
    pieces of it as they usually follow one another, and never later than ``most_s`` after the frame
    before. So the first news after a pause is told at once, on any network. Times in seconds."""

    gather_s: float = 0.02
    most_s: float = 0.1
    per_frame: float = 1.0
    _spacing_s: float = field(init=False, default=0.0)
    _told_at: float | None = field(init=False, default=None)
    _sent_at: float | None = field(init=False, default=None)

    def told(self, now: float) -> None:
        """There is further news."""
        if self._told_at is not None:
            spacing_s = min(now - self._told_at, LONGEST_SPACING_S)
            self._spacing_s += (spacing_s - self._spacing_s) / RECENT_NEWS
        self._told_at = now

    def due(self, now: float) -> float:
        """When news that has just come is to be sent, if none waits already."""
        due = now + self.gather_s
        if self._sent_at is not None:
            due = max(due, self._sent_at + min(self.per_frame * self._spacing_s, self.most_s))
        return due

    def sent(self, now: float) -> None:
        """What waited goes out."""
        self._sent_at = now


@dataclass(slots=True)
class _News:
    """What a child is to hear of a task."""

    units: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    complete: bool = False


class Outbox:
    """A bounded queue of packets. ``limit`` counts frames; merged news is always taken."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._packets: deque[bytes] = deque()
        self._news: dict[str, _News] = {}

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def full(self) -> bool:
        return len(self._packets) >= self._limit

    def add(self, frame: pb.Frame) -> None:
        """Take a frame, behind the news that waits."""
        self.flush_news()
        self._packets.append(pack(Tag.CONTROL_FRAME, frame.SerializeToString()))

    def tell(self, task_id: str, units: Mapping[int, bytes], *, complete: bool = False) -> None:
        """Take news of a task: units with their digests, or that all is there. It waits for
        `flush_news`."""
        news = self._news.setdefault(task_id, _News())
        news.units += units
        news.digests += units.values()
        news.complete = news.complete or complete

    def add_ping(self) -> None:
        """A sign of life, needed only if nothing else is about to be sent; news waits no longer."""
        self.flush_news()
        if not self._packets:
            self._packets.append(pack(Tag.CONTROL_PING))

    def flush_news(self) -> None:
        """Queue the gathered news."""
        for task_id, news in self._news.items():
            have = pb.Have(
                task_id=task_id,
                units=news.units,
                digests=b"".join(news.digests),
                complete=news.complete,
            )
            self._packets.append(pack(Tag.CONTROL_FRAME, pb.Frame(have=have).SerializeToString()))
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
