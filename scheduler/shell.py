"""The shell around the core: events in from the service, commands out to streams and seeds.

Concurrency: `tell` is synchronous and runs on the loop, so an event and its commands are one step
that nothing can come between. The clock job sends `Ticked` when the core's next deadline is due.
"""

from __future__ import annotations

import asyncio
from collections import deque

from dfinfra.clock import Clock
from dfinfra.jobs import JobGroup
from dfinfra.metrics import CollectorRegistry
from dfinfra.pb import scheduler_pb2
from dfinfra.rpc.channels import Channels
from scheduler import commands as do
from scheduler import events as ev
from scheduler.answers import Answers
from scheduler.core import Core
from scheduler.notes import Notes
from scheduler.seeds import Daemons
from scheduler.streams import Stream
from scheduler.survey import Survey
from scheduler.watch import Watch

_LONGEST_NAP_S = 1.0
_SHORTEST_NAP_S = 0.02


class Shell:
    """Holds the core, the open streams, and the calls to daemons."""

    name = "swarm"

    def __init__(
        self, core: Core, clock: Clock, channels: Channels, registry: CollectorRegistry
    ) -> None:
        self.core = core
        self.watch = Watch(registry, core.pool)
        epoch_s = clock.time() - clock.monotonic()
        self.answers = Answers(core.pool, epoch_s)
        self.survey = Survey(core, epoch_s)
        self.notes = Notes(clock.time)
        self.daemons = Daemons(channels, self.watch, self.tell)
        self._clock = clock
        self._streams: dict[str, Stream] = {}
        self._jobs = JobGroup("swarm")
        self._pending: deque[ev.Event] = deque()
        self._busy = False

    async def start(self) -> None:
        self._jobs.spawn(self._keep_time(), name="clock", vital=True)

    async def stop(self) -> None:
        """End every stream, so that peers look for another scheduler at once."""
        for stream in list(self._streams.values()):
            stream.end("UNAVAILABLE", "the scheduler is stopping")
        await self._jobs.cancel_all()
        await self.daemons.aclose()

    def attach(self, stream: Stream) -> None:
        """The stream speaks for its peer from now on; an older one for the same peer ends."""
        older = self._streams.get(stream.peer_id)
        if older is not None and older is not stream:
            older.end("ABORTED", "the peer has opened another stream")
        self._streams[stream.peer_id] = stream
        self.watch.streams.set(len(self._streams))

    def detach(self, stream: Stream) -> None:
        """The stream is gone, however it ended."""
        stream.end()
        if self._streams.get(stream.peer_id) is stream:
            del self._streams[stream.peer_id]
            self.watch.streams.set(len(self._streams))
            self.tell(ev.StreamClosed(stream.peer_id))

    @property
    def now(self) -> float:
        """Monotonic seconds, as the core reckons."""
        return self._clock.monotonic()

    def speaks(self, stream: Stream) -> bool:
        return self._streams.get(stream.peer_id) is stream

    def tell(self, event: ev.Event) -> None:
        """Let the core take in an event, and do what it says. No await below this line."""
        self._pending.append(event)
        if self._busy:
            return  # a command led to an event: it is next
        self._busy = True
        try:
            while self._pending:
                next_event = self._pending.popleft()
                self.watch.event(type(next_event).__name__)
                for command in self.core.handle(next_event, self._clock.monotonic()):
                    self._perform(command)
        finally:
            self._busy = False

    def _perform(self, command: do.Command) -> None:
        self.watch.command(command)
        self.notes.take(command)
        match command:
            case do.Offer(peer_id=peer_id):
                self._say(peer_id, self.answers.offer(command))
            case do.GrantOrigin(peer_id=peer_id, reason=reason):
                need = scheduler_pb2.NeedBackToSourceResponse(description=reason)
                self._say(
                    peer_id, scheduler_pb2.AnnouncePeerResponse(need_back_to_source_response=need)
                )
            case do.AnswerEmpty(peer_id=peer_id):
                empty = scheduler_pb2.EmptyTaskResponse()
                self._say(peer_id, scheduler_pb2.AnnouncePeerResponse(empty_task_response=empty))
            case do.AnswerMetadataOnly(peer_id=peer_id):
                only = scheduler_pb2.MetadataOnlyResponse()
                self._say(peer_id, scheduler_pb2.AnnouncePeerResponse(metadata_only_response=only))
            case do.Refuse(peer_id=peer_id, code=code, message=message):
                if (stream := self._streams.get(peer_id)) is not None:
                    stream.end(code, message)
            case do.CloseStream(peer_id=peer_id):
                if (stream := self._streams.get(peer_id)) is not None:
                    stream.end()
            case do.TriggerSeed():
                self._trigger(command)
            case _:
                pass  # notes change nothing

    def _say(self, peer_id: str, message: scheduler_pb2.AnnouncePeerResponse) -> None:
        stream = self._streams.get(peer_id)
        if stream is not None and not stream.say(message):
            self.watch.overflow(peer_id)

    def _trigger(self, command: do.TriggerSeed) -> None:
        stream = self._streams.get(command.peer_id)
        host = self.core.pool.hosts.get(command.host_id)
        if stream is None or stream.download is None or host is None:
            self.tell(ev.SeedTriggerFailed(command.task_id, command.host_id))
            return
        self.daemons.fetch(command.task_id, host, stream.download)

    async def _keep_time(self) -> None:
        while True:
            due = self.core.next_deadline
            nap_s = _LONGEST_NAP_S if due is None else due - self._clock.monotonic()
            await asyncio.sleep(min(max(nap_s, _SHORTEST_NAP_S), _LONGEST_NAP_S))
            due = self.core.next_deadline
            if due is not None and due <= self._clock.monotonic():
                self.tell(ev.Ticked())
