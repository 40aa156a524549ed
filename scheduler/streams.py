"""One AnnouncePeer stream as the shell sees it: a bounded outbox with an end.

Concurrency: everything runs on the loop; only `messages` awaits. The core's answers are put without
waiting; a peer that does not read loses its stream instead of filling our memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dfinfra.pb import common_pb2, scheduler_pb2

Message = scheduler_pb2.AnnouncePeerResponse


@dataclass(frozen=True, slots=True)
class End:
    """How a stream ends. `code` is a gRPC status name."""

    code: str = "OK"
    message: str = ""


class StreamEnded(Exception):  # noqa: N818 - says what happened
    """The stream is to end with an error status."""

    def __init__(self, end: End) -> None:
        super().__init__(end.message)
        self.end = end


class Stream:
    """What the scheduler still has to say to one peer."""

    def __init__(self, limit: int) -> None:
        self.peer_id = ""
        self.host_id = ""
        self.task_id = ""
        self.download: common_pb2.Download | None = None
        """What a seed may be asked to fetch; dropped as soon as the peer is answered."""
        self._outbox: asyncio.Queue[Message] = asyncio.Queue(limit)
        self._end: End | None = None
        self._wake = asyncio.Event()

    @property
    def ended(self) -> bool:
        return self._end is not None

    def say(self, message: Message) -> bool:
        """Queue an answer. False if the peer does not read: the stream then ends with an error."""
        self.download = None
        if self._end is not None:
            return True
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self.end("RESOURCE_EXHAUSTED", "the peer does not read the scheduler's answers")
            return False
        self._wake.set()
        return True

    def end(self, code: str = "OK", message: str = "") -> None:
        """What is queued still goes out. The first end counts."""
        self.download = None
        if self._end is None:
            self._end = End(code, message)
            self._wake.set()

    async def messages(self) -> AsyncIterator[Message]:
        """What to send, until the end; raises StreamEnded if that is an error."""
        while True:
            while not self._outbox.empty():
                yield self._outbox.get_nowait()
            if self._end is not None:
                if self._end.code != "OK":
                    raise StreamEnded(self._end)
                return
            self._wake.clear()
            await self._wake.wait()
