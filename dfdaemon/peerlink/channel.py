"""One control channel: frames both ways, and a prompt end when the other side is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from dfinfra.pb import meganeura_pb2 as pb


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """Bounds and times of a channel.

    A ping leaves every ``ping_interval_s``; a peer silent for ``silent_pings`` of them is gone. Have
    frames are gathered for ``gather_s``. ``outbox_frames`` may wait to be sent, ``inbox_frames`` to
    be read.
    """

    connect_timeout_s: float = 2.0
    hello_timeout_s: float = 5.0
    ping_interval_s: float = 1.0
    silent_pings: int = 5
    gather_s: float = 0.02
    outbox_frames: int = 256
    inbox_frames: int = 256
    max_frame_bytes: int = 16 * 1024 * 1024


class Channel:
    """A control channel, the same on the side that dialled and the side that accepted."""

    peer: pb.Hello
    """Who is at the other end, by its own word."""
    secure: bool
    """Mutual TLS: the other end has a certificate of the cluster."""

    @property
    def closed(self) -> bool:
        raise NotImplementedError

    async def send(self, frame: pb.Frame) -> None:
        """Queue a frame, waiting while the outbox is full. PeerBroken once the channel is closed."""
        raise NotImplementedError

    def send_nowait(self, frame: pb.Frame) -> None:
        """Queue a frame. A full outbox closes the channel: the peer does not keep up.

        Have frames never fill it, they are merged per task. PeerBroken once the channel is closed.
        """
        raise NotImplementedError

    def frames(self) -> AsyncIterator[pb.Frame]:
        """The frames that arrive. Ends when the peer closes; PeerBroken if it broke off or is gone."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Send what is queued, if the peer takes it at once, and close."""
        raise NotImplementedError
