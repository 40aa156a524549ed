"""gRPC channels to other services: one per target, made on first use, closed together.

Callers give every call a ``timeout``; nothing here retries, they own their policy. All use
is on one event loop, as grpc.aio demands.
"""

from __future__ import annotations

import grpc

from dfinfra.authority import Identity
from dfinfra.rpc.secure import CHANNEL_OPTIONS, channel_credentials

# Piece content may travel inside messages to plain Dragonfly clients.
_MAX_MESSAGE_BYTES = 80 << 20

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A dead peer is noticed within half a minute, also on an idle stream.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 8_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A restarted scheduler is found again within a second, not after two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # In-cluster traffic never takes the HTTP proxy of the environment (which is ours).
    ("grpc.enable_http_proxy", 0),
    # The deadline and the caller decide about trying again.
    ("grpc.enable_retries", 0),
)


class Channels:
    """The channels of one process."""

    def __init__(self, identity: Identity | None = None) -> None:
        """With ``identity`` all but unix sockets is mutual TLS of the cluster."""
        self._credentials = None if identity is None else channel_credentials(identity)
        self._channels: dict[str, grpc.aio.Channel] = {}

    def get(self, target: str) -> grpc.aio.Channel:
        """The channel to ``target``: ``host:port``, ``[v6]:port`` or ``unix:/path``."""
        channel = self._channels.get(target)
        if channel is None:
            channel = self._channels[target] = self._make(target)
        return channel

    async def drop(self, target: str) -> None:
        """Close the channel to a target that is gone, and the calls on it."""
        channel = self._channels.pop(target, None)
        if channel is not None:
            await channel.close(None)

    async def close(self) -> None:
        """Close all channels and the calls on them."""
        while self._channels:
            _, channel = self._channels.popitem()
            await channel.close(None)

    def _make(self, target: str) -> grpc.aio.Channel:
        if self._credentials is not None and not target.startswith("unix:"):
            options = (*_OPTIONS, *CHANNEL_OPTIONS)
            return grpc.aio.secure_channel(target, self._credentials, options=options)
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
