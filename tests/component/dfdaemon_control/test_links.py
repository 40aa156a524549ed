"""Links to other hosts: shared by tasks, dialled once, honest about their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dfcore.errors import PeerBroken
from dfdaemon.control.links import Address, Links
from dfinfra.pb import meganeura_pb2 as pb

PARENT = ("127.0.0.1", 4005)


class FakeChannel:
    """A channel whose other end is the test."""

    def __init__(self) -> None:
        self.sent: list[pb.Frame] = []
        self.closed = False
        self._arrived: asyncio.Queue[pb.Frame | None] = asyncio.Queue(100)

    def send_nowait(self, frame: pb.Frame) -> None:
        self.sent.append(frame)

    async def send(self, frame: pb.Frame) -> None:
        self.sent.append(frame)

    def deliver(self, frame: pb.Frame | None) -> None:
        self._arrived.put_nowait(frame)

    async def frames(self) -> AsyncIterator[pb.Frame]:
        while (frame := await self._arrived.get()) is not None:
            yield frame

    async def aclose(self) -> None:
        self.closed = True


class Recorder:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.frames: list[pb.Frame] = []
        self.lost = asyncio.Event()
        self.heard = asyncio.Event()

    def on_frame(self, address: Address, frame: pb.Frame) -> None:
        self.frames.append(frame)
        self.heard.set()

    def on_lost(self, address: Address, reason: str) -> None:
        self.lost.set()


class Dialler:
    """Counts the dials and hands out one channel for each."""

    def __init__(self) -> None:
        self.channels: list[FakeChannel] = []
        self.refuses = False

    async def __call__(self, address: Address) -> FakeChannel:
        if self.refuses:
            raise PeerBroken("nobody listens")
        self.channels.append(FakeChannel())
        return self.channels[-1]


@pytest.fixture
async def dialler() -> Dialler:
    return Dialler()


@pytest.fixture
async def links(dialler: Dialler) -> AsyncIterator[Links]:
    made = Links(dialler)  # type: ignore[arg-type]
    yield made
    await made.aclose()


async def settled() -> None:
    """Let every job that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def have(task_id: str) -> pb.Frame:
    return pb.Frame(have=pb.Have(task_id=task_id, units=[1], digests=b"x" * 16))


async def test_two_tasks_share_one_channel_and_hear_their_own_news(
    links: Links, dialler: Dialler
) -> None:
    first, second = Recorder(), Recorder()
    links.subscribe(PARENT, pb.Join(task_id="one"), first)
    links.subscribe(PARENT, pb.Join(task_id="two"), second)
    await settled()
    (channel,) = dialler.channels
    assert [frame.join.task_id for frame in channel.sent] == ["one", "two"]
    channel.deliver(have("two"))
    await second.heard.wait()
    assert not first.frames


async def test_a_channel_that_ends_tells_every_subscriber_and_is_dialled_anew(
    links: Links, dialler: Dialler
) -> None:
    first = Recorder()
    links.subscribe(PARENT, pb.Join(task_id="one"), first)
    await settled()
    dialler.channels[0].deliver(None)
    await first.lost.wait()
    links.subscribe(PARENT, pb.Join(task_id="one"), Recorder())
    await settled()
    assert len(dialler.channels) == 2


async def test_a_host_that_cannot_be_reached_is_lost_at_once(
    links: Links, dialler: Dialler
) -> None:
    dialler.refuses = True
    subscriber = Recorder()
    links.subscribe(PARENT, pb.Join(task_id="one"), subscriber)
    await subscriber.lost.wait()
    with pytest.raises(PeerBroken):
        await links.to(PARENT).ask(pb.Ask(), 1.0)


async def test_who_left_hears_nothing_more(links: Links, dialler: Dialler) -> None:
    subscriber = Recorder()
    links.subscribe(PARENT, pb.Join(task_id="one"), subscriber)
    await settled()
    links.unsubscribe(PARENT, "one", subscriber)
    channel = dialler.channels[0]
    assert channel.sent[-1].leave.task_id == "one"
    channel.deliver(have("one"))
    await settled()
    assert not subscriber.frames


async def test_answers_find_their_questions(links: Links, dialler: Dialler) -> None:
    link = links.to(PARENT)
    both = asyncio.gather(link.ask(pb.Ask(url="a"), 5.0), link.ask(pb.Ask(url="b"), 5.0))
    await settled()
    channel = dialler.channels[0]
    asked = {frame.ask.url: frame.ask.id for frame in channel.sent}
    for url in "ba":
        channel.deliver(pb.Frame(answer=pb.Answer(id=asked[url], body=url.encode())))
    first, second = await both
    assert (first.body, second.body) == (b"a", b"b")


async def test_a_question_fails_with_its_channel(links: Links, dialler: Dialler) -> None:
    asked = asyncio.gather(links.to(PARENT).ask(pb.Ask(), 5.0), return_exceptions=True)
    await settled()
    dialler.channels[0].deliver(None)
    (error,) = await asked
    assert isinstance(error, PeerBroken)
