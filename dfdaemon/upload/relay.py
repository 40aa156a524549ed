"""gRPC over the cluster's TLS at the Vortex port, passed on to this host's own gRPC socket.

Plain Dragonfly peers want the gRPC port in the clear. Whoever has a certificate of the cluster, as the
manager has, speaks HTTP/2 within the TLS of the Vortex port instead, and gets to the same services,
which tell it of restricted blobs too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from dfcore.errors import PeerBroken
from dfdaemon.peerlink.conn import Streams, close_writer
from dfinfra.jobs import JobGroup

GRPC_PROTOCOL = "h2"
"""By this name of TLS' ALPN a caller says that it speaks gRPC."""

_CHUNK_BYTES = 64 * 1024


async def relay(streams: Streams, to: Path) -> None:
    """Pass bytes between the connection and a unix socket until one of them ends. Raises PeerBroken."""
    reader, writer = streams
    try:
        inner_reader, inner_writer = await asyncio.open_unix_connection(to)
    except OSError as error:
        raise PeerBroken(f"this host's gRPC does not answer: {error}") from error
    jobs = JobGroup("grpc relay")
    try:
        ways = {
            jobs.spawn(_pump(reader, inner_writer), name="in"),
            jobs.spawn(_pump(inner_reader, writer), name="out"),
        }
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await jobs.cancel_all()
        await close_writer(inner_writer, linger_s=0)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK_BYTES):
            sink.write(data)
            await sink.drain()
