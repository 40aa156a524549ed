"""Open a control channel: dial one, or answer the hello on an accepted connection."""

from __future__ import annotations

import asyncio
import ssl

from google.protobuf.message import DecodeError

from dfcore.errors import BadInput, PeerBroken
from dfdaemon.peerlink.channel import PROTOCOL_VERSION, Channel, ChannelConfig
from dfdaemon.peerlink.conn import Conn, StreamConn, close_writer
from dfdaemon.vortex.wire import Tag, pack
from dfinfra.pb import meganeura_pb2 as pb


async def dial(
    addr: tuple[str, int],
    hello: pb.Hello,
    tls: ssl.SSLContext | None = None,
    config: ChannelConfig | None = None,
) -> Channel:
    """Connect to another host's Vortex port and exchange hellos. Raises PeerBroken."""
    config = config or ChannelConfig()
    where = f"{addr[0]}:{addr[1]}"
    try:
        async with asyncio.timeout(config.connect_timeout_s):
            reader, writer = await asyncio.open_connection(*addr, ssl=tls)
    except (OSError, TimeoutError) as error:
        raise PeerBroken(f"no control channel to {where}: {error or 'timed out'}") from error
    try:
        async with asyncio.timeout(config.hello_timeout_s):
            writer.write(pack_hello(hello))
            await writer.drain()
            packet = await StreamConn(reader, writer).read_packet()
        if packet is None or packet.tag != Tag.CONTROL_HELLO:
            raise PeerBroken(f"{where} does not take control channels from this host")
        peer = parse_hello(packet.value)
    except (OSError, TimeoutError, BadInput) as error:
        await close_writer(writer, linger_s=0)
        raise PeerBroken(f"no control channel to {where}: {error or 'timed out'}") from error
    except BaseException:
        await close_writer(writer, linger_s=0)
        raise
    return Channel(reader, writer, peer, secure=tls is not None, config=config)


async def answer(conn: Conn, value: bytes, hello: pb.Hello, config: ChannelConfig) -> Channel:
    """Make a channel of an accepted connection whose first packet was a hello (``value``)."""
    peer = parse_hello(value)
    await conn.write(pack_hello(hello))
    reader, writer = await conn.to_streams()
    return Channel(reader, writer, peer, secure=conn.secure, config=config)


def pack_hello(hello: pb.Hello) -> bytes:
    """The first packet of a control channel."""
    return pack(Tag.CONTROL_HELLO, hello.SerializeToString())


def parse_hello(value: bytes) -> pb.Hello:
    """The hello of another host; BadInput if it is none, or of a version this one cannot speak."""
    try:
        hello = pb.Hello.FromString(value)
    except DecodeError as error:
        raise BadInput("the hello makes no sense") from error
    if not hello.host_id or hello.version < PROTOCOL_VERSION:
        raise BadInput(f"the hello has no host id, or version {hello.version}")
    return hello
