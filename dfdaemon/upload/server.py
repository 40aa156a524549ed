"""The Vortex port of this host."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.upload.sendfile import Sender
from dfdaemon.upload.served import TaskHost
from dfinfra.pb import meganeura_pb2 as pb


@dataclass(frozen=True, slots=True)
class UploadConfig:
    """``slots`` per task for named units, ``seed_slots`` per task for any-of, ``max_transfers``
    in all.

    Timeouts in seconds, rates in bytes per second. ``any_of_hold_s``: a seed that has had nothing
    to give for so long says so, and the child asks again.
    """

    host: str = "0.0.0.0"
    port: int = 4005
    slots: int = 4
    seed_slots: int = 6
    max_transfers: int = 64
    max_connections: int = 1024
    first_packet_timeout_s: float = 5.0
    idle_timeout_s: float = 60.0
    stall_timeout_s: float = 10.0
    min_rate_bytes_s: int = 16 * 1024
    any_of_hold_s: float = 20.0
    send_threads: int = 8


@dataclass(frozen=True, slots=True)
class UnitSent:
    """Bytes left this host for a child (``child_host_id`` is empty for a plain Dragonfly peer)."""

    task_id: str
    child_host_id: str
    size_bytes: int
    cost_s: float


class UploadServer:
    """Serves plain Dragonfly peers, our own peers' data connections, and control channels."""

    name = "upload"

    def __init__(
        self,
        config: UploadConfig,
        host: TaskHost,
        hello: pb.Hello,
        *,
        tls: ssl.SSLContext | None = None,
        limiter: Limiter = NO_LIMIT,
        sender: Sender | None = None,
        on_sent: Callable[[UnitSent], None] | None = None,
    ) -> None:
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port listened on; known after `start`, also when the config says 0."""
        raise NotImplementedError

    async def start(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    def refresh(self, task_id: str) -> None:
        """Something about the task changed other than its units: its origin fetch ended, it
        failed.
        """
        raise NotImplementedError

    def child_left(self, task_id: str, child_host_id: str) -> None:
        """The child has left the task or died: what it was given does not count as a copy any
        more.
        """
        raise NotImplementedError

    def forget_task(self, task_id: str) -> None:
        """The task is gone from this host: what waits for it is told so."""
        raise NotImplementedError
