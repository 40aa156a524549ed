"""Content that is kept outside of the nodes, and asked before the origin: the seed's volume.

The engine meets it through this protocol; ``seedpeer`` has the real one. A task of a volume has the URL
``dffs://<volume's uuid>/<sha256 digest>``: no origin knows it, only a host with that volume's memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from blobstore.blob import Blob
from dfcore.digest import Digest
from dfcore.errors import BadInput
from dfdaemon.fetch.exchange import OriginRequest
from dfdaemon.fetch.origin import OriginStream
from dfdaemon.task.service import HubGateway
from dfdaemon.task.spec import TaskSpec

VOLUME_SCHEME = "dffs://"
PUBLIC = "/public"

AtOrigin = Callable[[OriginRequest], Awaitable[OriginStream]]


class Memory(Protocol):
    """A service of the node: started before its tasks, stopped after them."""

    @property
    def name(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    def meet(self, hub: HubGateway) -> None:
        """Who answers questions to the Hub. Called once, before the start."""
        ...

    async def open(self, spec: TaskSpec, request: OriginRequest, at: AtOrigin) -> OriginStream:
        """Answer a request of this task from what is kept, else by ``at(request)`` at the origin."""
        ...

    def sealed(self, spec: TaskSpec, blob: Blob) -> None:
        """A task's blob is complete and checked: worth keeping, perhaps. Returns at once."""
        ...


def volume_task(spec: TaskSpec) -> TaskSpec:
    """The task of a file of a volume, from its URL alone. Raises BadInput.

    It travels over mutual TLS, unless the URL says that the volume's files are everybody's.
    """
    path = spec.url.removeprefix(VOLUME_SCHEME)
    volume, slash, named = path.removesuffix(PUBLIC).partition("/")
    if not volume or not slash:
        raise BadInput("the URL of a volume's file is dffs://UUID/sha256:DIGEST")
    digest = Digest.parse(named)
    if spec.digest not in (None, digest):
        raise BadInput(f"digest {spec.digest}: the URL names {digest}")
    return TaskSpec(
        spec.url,
        digest=digest,
        size_bytes=spec.size_bytes,
        content=spec.url,
        priority=spec.priority,
        restricted=not path.endswith(PUBLIC),
        disable_back_to_source=spec.disable_back_to_source,
    )
