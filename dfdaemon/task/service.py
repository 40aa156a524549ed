"""What the engine offers to those above it: the proxy, the Hub mirror and the RPC services.

They meet the engine through these protocols alone, so that each can be tested with a fake.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dfcore.ranges import ByteRange
from dfdaemon.task.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Extent:
    """Verified bytes in a blob file: ``length`` bytes from ``offset`` of descriptor ``fd``.

    The descriptor stays open until the handle that yielded it is closed.
    """

    fd: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of one task on this host, by where they came from."""

    origin_bytes: int = 0
    seed_bytes: int = 0
    peer_bytes: int = 0
    local_bytes: int = 0


class TaskHandle(Protocol):
    """One reader's hold on a task. Close it when done: the last one out lets the task stop."""

    @property
    def task_id(self) -> str: ...
    @property
    def peer_id(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def response_headers(self) -> Mapping[str, str]:
        """The origin's response headers that describe the content (type, ETag, dates)."""
        ...

    @property
    def was_local(self) -> bool:
        """Every byte was on this host before it was asked for."""
        ...

    def extents(self, wanted: ByteRange) -> AsyncIterator[Extent]:
        """Yield the wanted bytes in order, each extent as soon as it is there and verified.

        Raises a MeganeuraError if the task fails before the range is complete.
        """
        ...

    async def finished(self) -> Traffic:
        """Wait until the whole wanted content is here and verified; raises if the task fails."""
        ...

    def link_to(self, path: Path, *, overwrite: bool) -> None:
        """Hard-link the finished file to ``path``, or copy it to another file system. Blocking."""
        ...

    async def aclose(self) -> None: ...


class TaskService(Protocol):
    """Opens tasks. The engine's registry is the real one."""

    async def open(self, spec: TaskSpec, wanted: ByteRange | None = None) -> TaskHandle:
        """Attach to the task, starting it if need be, and wait until its size is known.

        ``wanted`` limits what is fetched for this reader; its end may lie past the end of the blob
        when the size is not known yet. Raises OriginRefused with the origin's own answer.
        """
        ...

    def doubtful_end(self, task_id: str) -> int:
        """How far readers of this task were given bytes that turned out wrong; 0 for none.

        Somebody may hold such bytes still, and go on from there.
        """
        ...


@dataclass(frozen=True, slots=True)
class HubAnswer:
    """The origin's answer to a small metadata request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class HubGateway(Protocol):
    """Asks small Hub metadata requests, once for the cluster, through the seed."""

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HubAnswer: ...
