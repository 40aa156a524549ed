"""Control channels between two hosts, through the real upload server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dfcore.errors import PeerBroken
from dfdaemon.peerlink.channel import Channel, ChannelConfig
from dfdaemon.peerlink.connect import dial, pack_hello
from dfdaemon.vortex.wire import Tag, pack
from dfinfra.jobs import spawn
from dfinfra.pb import meganeura_pb2 as pb
from tests.component.dfdaemon_plane.bed import TASK, Parent, hello, parent
from tests.component.dfdaemon_plane.conftest import Cluster
from tests.component.dfdaemon_plane.scripted import read_request, scripted, until_closed

BRISK = ChannelConfig(ping_interval_s=0.05, silent_pings=4, hello_timeout_s=0.3)


@asynccontextmanager
async def pair(
    config: ChannelConfig = BRISK, cluster: Cluster | None = None
) -> AsyncIterator[tuple[Channel, Channel, Parent]]:
    """Both ends of a channel: the one that dialled, the one that accepted."""
    server_tls = cluster.server if cluster else None
    async with parent(None, tls=server_tls, channel_config=config) as up:
        dialled = await dial(up.addr, hello("dialler"), cluster.client if cluster else None, config)
        try:
            yield dialled, await up.host.channels.get(), up
        finally:
            await dialled.aclose()


async def next_frame(channel: Channel) -> pb.Frame:
    return await anext(channel.frames())


def leave(task_id: str = TASK) -> pb.Frame:
    return pb.Frame(leave=pb.Leave(task_id=task_id))


def have(*units: int, task_id: str = TASK) -> pb.Frame:
    return pb.Frame(have=pb.Have(task_id=task_id, units=units, digests=b"d" * 16 * len(units)))


def tell(channel: Channel, *units: int, task_id: str = TASK, urgent: bool = True) -> None:
    channel.tell(task_id, dict.fromkeys(units, b"d" * 16), urgent=urgent)


@pytest.mark.parametrize("secured", [False, True], ids=["clear", "tls"])
async def test_frames_go_both_ways(cluster: Cluster, secured: bool) -> None:
    async with pair(ChannelConfig(), cluster=cluster if secured else None) as (here, there, _):
        assert (here.peer.host_id, there.peer.host_id) == ("parent", "dialler")
        assert here.secure is there.secure is secured
        join = pb.Frame(join=pb.Join(task_id=TASK, held=b"\x07", spec=pb.TaskSpec(url="http://x")))
        await here.send(join)
        assert await next_frame(there) == join
        answer = pb.Frame(answer=pb.Answer(id=7, body=bytes(3_000_000)))
        await there.send(answer)
        assert await next_frame(here) == answer


async def test_news_is_gathered_and_keeps_its_place() -> None:
    async with pair() as (here, there, _):
        tell(here, 1)
        tell(here, 2, 3)
        tell(here, 9, task_id="other")
        here.send_nowait(leave())
        tell(here, 4)
        assert await next_frame(there) == have(1, 2, 3)
        assert await next_frame(there) == have(9, task_id="other")
        assert await next_frame(there) == leave()
        assert await next_frame(there) == have(4)


async def test_news_without_hurry_goes_with_the_next_frame_or_sign_of_life() -> None:
    async with pair(ChannelConfig(ping_interval_s=600)) as (here, there, _):
        tell(here, 1, urgent=False)
        tell(here, 2)
        assert await next_frame(there) == have(1, 2)
    async with pair(BRISK) as (here, there, _):
        tell(here, 3, urgent=False)
        assert await next_frame(there) == have(3)


async def test_closing_ends_the_other_side_after_what_was_sent() -> None:
    async with pair() as (here, there, _):
        here.send_nowait(leave())
        tell(here, 4)
        await here.aclose()
        assert [frame async for frame in there.frames()] == [leave(), have(4)]
        with pytest.raises(PeerBroken):
            await there.send(leave())


async def test_a_quiet_channel_stays_open() -> None:
    async with pair() as (here, there, _):
        waiting = spawn(next_frame(there), name="waiting")
        await asyncio.wait({waiting}, timeout=BRISK.ping_interval_s * BRISK.silent_pings * 2)
        assert not here.closed and not there.closed
        await here.send(leave())
        assert await waiting == leave()


async def test_stopped_server_is_noticed() -> None:
    async with pair() as (here, _, up):
        up.host.done.set()
        await up.server.stop()
        assert [frame async for frame in here.frames()] == []
        assert here.closed


async def test_broken_connection_is_noticed() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(pack_hello(hello("scripted")))

    async with scripted(script) as addr:
        channel = await dial(addr, hello("me"), None, BRISK)
        with pytest.raises(PeerBroken):
            await next_frame(channel)
        await channel.aclose()


async def test_frozen_peer_is_noticed() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(pack_hello(hello("scripted")))
        await until_closed(reader)

    async with scripted(script) as addr:
        channel = await dial(addr, hello("me"), None, BRISK)
        with pytest.raises(PeerBroken, match="silent"):
            await next_frame(channel)
        await channel.aclose()


async def test_peer_that_does_not_read_is_given_up() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(pack_hello(hello("scripted")))
        await writer.wait_closed()

    big = pb.Frame(answer=pb.Answer(body=bytes(1 << 20)))
    async with scripted(script) as addr:
        channel = await dial(addr, hello("me"), None, ChannelConfig(outbox_frames=8))
        for _ in range(1000):
            if not channel.closed:
                tell(channel, 1)
                channel.send_nowait(big)
        assert channel.closed
        with pytest.raises(PeerBroken, match="does not read"):
            await next_frame(channel)
        with pytest.raises(PeerBroken):
            channel.send_nowait(big)
        await channel.aclose()


async def test_sender_waits_for_a_full_outbox_and_is_freed_by_the_end() -> None:
    async with pair(ChannelConfig(outbox_frames=2, inbox_frames=2)) as (here, there, _):
        big = pb.Frame(answer=pb.Answer(body=bytes(1 << 20)))

        async def send_on() -> None:
            while True:
                await here.send(big)

        sending = spawn(send_on(), name="send", on_error=lambda _: None)
        done, _ = await asyncio.wait({sending}, timeout=0.2)
        assert not done
        await there.aclose()
        with pytest.raises(PeerBroken):
            await sending


async def test_slow_consumer_does_not_take_the_peer_for_dead() -> None:
    config = ChannelConfig(ping_interval_s=0.02, silent_pings=3, inbox_frames=2)
    async with pair(config) as (here, there, _):
        for _ in range(20):
            await here.send(leave())
        await asyncio.sleep(config.ping_interval_s * config.silent_pings * 3)
        frames = there.frames()
        for _ in range(20):
            assert await anext(frames) == leave()


@pytest.mark.parametrize(
    "nonsense",
    [
        pack(Tag.BUSY),
        pack(Tag.CONTROL_FRAME, b"\xff\xff\xff"),
        b"\x00\xdd\x7f\xff\xff\xff",
    ],
)
async def test_nonsense_ends_the_channel(nonsense: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(pack_hello(hello("scripted")) + nonsense)
        await until_closed(reader)

    async with scripted(script) as addr:
        channel = await dial(addr, hello("me"), None, BRISK)
        with pytest.raises(PeerBroken, match="nonsense"):
            await next_frame(channel)
        await channel.aclose()


async def test_clear_channel_is_refused_where_there_are_certificates(cluster: Cluster) -> None:
    async with parent(None, tls=cluster.server) as up:
        with pytest.raises(PeerBroken):
            await dial(up.addr, hello("me"), None, BRISK)
        assert up.host.channels.empty()


async def test_stranger_gets_no_channel(cluster: Cluster) -> None:
    async with parent(None, tls=cluster.server) as up:
        with pytest.raises(PeerBroken):
            await dial(up.addr, hello("me"), cluster.stranger, BRISK)
        assert up.host.channels.empty()


async def test_dialler_does_not_believe_a_stranger(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(PeerBroken):
            await dial(
                listener.getsockname(),
                hello("me"),
                cluster.client,
                ChannelConfig(connect_timeout_s=0.2),
            )


@pytest.mark.parametrize(
    "answer", [b"", pack(Tag.ERROR, b"\x01:no"), pack(Tag.CONTROL_HELLO, b""), b"\x00" * 64]
)
async def test_dialling_what_is_no_peer_of_ours(answer: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)

    async with scripted(script) as addr:
        with pytest.raises(PeerBroken):
            await dial(addr, hello("me"), None, BRISK)


async def test_dialling_a_peer_that_never_answers() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    async with scripted(script) as addr:
        with pytest.raises(PeerBroken):
            await dial(addr, hello("me"), None, BRISK)
    with pytest.raises(PeerBroken):
        await dial(addr, hello("me"), None, BRISK)


async def test_news_that_is_due_when_the_connection_has_gone_is_dropped() -> None:
    async with pair() as (here, _, _):
        here._writer.transport.abort()
        with pytest.raises(PeerBroken):
            async for _frame in here.frames():
                pass
        # A timer that was due in the same turn of the loop comes late.
        here._flush_news()
