"""Dial a control channel."""

from __future__ import annotations

import ssl

from dfdaemon.peerlink.channel import Channel, ChannelConfig
from dfinfra.pb import meganeura_pb2 as pb


async def dial(
    addr: tuple[str, int],
    hello: pb.Hello,
    tls: ssl.SSLContext | None = None,
    config: ChannelConfig | None = None,
) -> Channel:
    """Connect to another host's Vortex port and exchange hellos. Raises PeerBroken."""
    raise NotImplementedError
