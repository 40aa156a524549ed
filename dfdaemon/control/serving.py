"""The other side of the links: what other hosts ask of this one over their control channels.

Children join tasks and are told of every unit; nodes ask a seed for Hub metadata. One ``on_control``
per channel, called by the upload server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from blobstore.blob import Blob
from dfcore.errors import MeganeuraError, PeerBroken
from dfcore.ranges import ByteRange
from dfdaemon.control import errors as wire_errors
from dfdaemon.peerlink.channel import Channel
from dfdaemon.task.conductor import Conductor
from dfdaemon.task.events import ParentAddress
from dfdaemon.task.registry import TaskRegistry
from dfdaemon.task.service import HubAnswer
from dfdaemon.task.spec_proto import from_frame
from dfdaemon.upload.served import ServedTask
from dfinfra import tracing
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import meganeura_pb2 as pb

log = get_logger("serving")

Answerer = Callable[[pb.Ask], Awaitable[HubAnswer]]
ChildLeft = Callable[[str, str], None]


class ChannelChild:
    """A task that the host at the other end of a channel joined."""

    def __init__(self, channel: Channel, task_id: str, peer_id: str) -> None:
        self.task_id = task_id
        self.peer_id = peer_id
        self.is_client = not channel.peer.seed
        self.host_id: str = channel.peer.host_id
        self._channel = channel
        self._described = False

    def described(self, conductor: Conductor) -> None:
        self._described = True
        self._tell(pb.Frame(joined=joined(self.task_id, conductor.blob, conductor.peer_id)))

    def held(self, units: dict[int, bytes], *, urgent: bool) -> None:
        if self._described and not self._channel.closed:
            self._channel.tell(self.task_id, units, urgent=urgent)

    def completed(self) -> None:
        if not self._channel.closed:
            self._channel.tell(self.task_id, {}, complete=True)

    def failed(self, error: MeganeuraError) -> None:
        self._tell(pb.Frame(failed=wire_errors.to_frame(self.task_id, error)))

    def _tell(self, frame: pb.Frame) -> None:
        if not self._channel.closed:
            self._channel.send_nowait(frame)


def joined(task_id: str, blob: Blob, peer_id: str) -> pb.Joined:
    """What the blob is and what of it is here. It may be held by another name than the task's."""
    held = blob.held
    digests = [blob.digests(unit) or b"" for unit in held.iter_set()]
    return pb.Joined(
        task_id=task_id,
        peer_id=peer_id,
        size_bytes=blob.geometry.size_bytes,
        piece_length=blob.geometry.piece_length,
        unit_length=blob.geometry.unit_length,
        held=held.to_bytes(),
        digests=b"".join(digests),
        response_headers=dict(blob.meta.response_headers),
        complete=blob.complete,
        digest=blob.meta.digest or "",
        restricted=blob.meta.restricted,
        validator=blob.meta.validator or "",
    )


class Serving:
    """Serves control channels from the registry; the upload server's TaskHost."""

    def __init__(self, registry: TaskRegistry, answer: Answerer, child_left: ChildLeft) -> None:
        self._registry = registry
        self._answer = answer
        self._child_left = child_left

    def lookup(self, task_id: str) -> ServedTask | None:
        return self._registry.lookup(task_id)

    async def on_control(self, channel: Channel) -> None:
        """Serve one channel until it ends; then its children are gone."""
        children: dict[str, tuple[ChannelChild, Conductor | None]] = {}
        async with JobGroup(f"channel {channel.peer.host_id}") as jobs:
            try:
                async for frame in channel.frames():
                    self._handle(channel, frame, children, jobs)
            except PeerBroken as error:
                log.debug("channel broke", host=channel.peer.host_id, reason=str(error))
            finally:
                for task_id in list(children):
                    self._leave(channel, task_id, children)
                await jobs.cancel_all()

    def _handle(
        self,
        channel: Channel,
        frame: pb.Frame,
        children: dict[str, tuple[ChannelChild, Conductor | None]],
        jobs: JobGroup,
    ) -> None:
        match frame.WhichOneof("frame"):
            case "join":
                self._join(channel, frame.join, children)
            case "want":
                child, conductor = children.get(frame.want.task_id, (None, None))
                if child and conductor and not conductor.ended:
                    conductor.change_wish(child, _span(frame.want.ranges))
            case "leave":
                self._leave(channel, frame.leave.task_id, children)
            case "ask":
                jobs.spawn(self._ask(channel, frame.ask), name="ask")
            case _:
                pass

    def _join(
        self,
        channel: Channel,
        join: pb.Join,
        children: dict[str, tuple[ChannelChild, Conductor | None]],
    ) -> None:
        child = ChannelChild(channel, join.task_id, join.peer_id)
        spec = from_frame(join.spec) if join.HasField("spec") else None
        try:
            found = self._registry.join(
                join.task_id,
                spec,
                child,
                _span(join.wanted_ranges),
                secure=channel.secure,
                traceparent=join.traceparent,
            )
        except MeganeuraError as error:
            child.failed(error)
            return
        if isinstance(found, Blob):
            children[join.task_id] = (child, None)
            peer_id = self._registry.parts.new_peer_id()
            channel.send_nowait(pb.Frame(joined=joined(join.task_id, found, peer_id)))
            return
        children[join.task_id] = (child, found)
        if not join.complete:
            found.joined_by(_address(channel.peer, join), int.from_bytes(join.held, "little"))

    def _leave(
        self,
        channel: Channel,
        task_id: str,
        children: dict[str, tuple[ChannelChild, Conductor | None]],
    ) -> None:
        child, conductor = children.pop(task_id, (None, None))
        if child and conductor:
            conductor.remove_child(child)
        self._child_left(task_id, channel.peer.host_id)

    async def _ask(self, channel: Channel, ask: pb.Ask) -> None:
        try:
            with tracing.span("answer for the Hub", ask.traceparent, method=ask.method):
                answer = await self._answer(ask)
        except MeganeuraError as error:
            failed = pb.Answer(id=ask.id, status=error.http_status, source=error.code)
            failed.body = str(error).encode()
            await channel.send(pb.Frame(answer=failed))
            return
        message = pb.Answer(id=ask.id, status=answer.status, body=answer.body)
        for name, value in answer.headers:
            message.headers.add(name=name, value=value)
        await channel.send(pb.Frame(answer=message))


def _span(spans: object) -> ByteRange | None:
    """The least range that covers what is wanted; None is everything."""
    ranges = list(spans)  # type: ignore[call-overload]
    if not ranges:
        return None
    return ByteRange(min(r.start for r in ranges), max(r.end for r in ranges))


def _address(hello: pb.Hello, join: pb.Join) -> ParentAddress:
    return ParentAddress(
        peer_id=join.peer_id,
        host_id=hello.host_id,
        ip=hello.ip,
        port=hello.port,
        seed=hello.seed,
    )
