"""A task engine on a real store, without anybody around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from blobstore.config import DiskConfig, StoreConfig
from blobstore.store import BlobStore
from dfdaemon.fetch.limiter import NO_LIMIT
from dfdaemon.task.metrics import TaskMetrics
from dfdaemon.task.parts import EngineParts, HostIdentity, Limiters
from dfdaemon.task.policy import TaskPolicy
from dfinfra.clock import SystemClock
from dfinfra.offload import Pool


class Silent:
    """Collaborators that take everything and say nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_kwargs: self

    async def aclose(self, *_args: Any) -> None: ...


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def parts(tmp_path: Path, registry: CollectorRegistry) -> AsyncIterator[EngineParts]:
    store = BlobStore(StoreConfig((DiskConfig(tmp_path / "store"),)))
    store.open()
    disk, cpu = Pool("disk", 1), Pool("cpu", 1)
    yield EngineParts(
        host=HostIdentity("me", "me", "127.0.0.1", 4005, seed=False),
        policy=TaskPolicy(),
        store=store,
        parents=cast(Any, Silent()),
        origin=cast(Any, Silent()),
        links=cast(Any, Silent()),
        scheduler=cast(Any, Silent()),
        channels=cast(Any, Silent()),
        limiters=cast(Any, Limiters(NO_LIMIT, NO_LIMIT)),
        disk=disk,
        cpu=cpu,
        clock=SystemClock(),
        rng=Random(1),
        metrics=TaskMetrics(registry),
        new_peer_id=lambda: "me-peer",
        changed=lambda _task_id: None,
        secure=True,
    )
    store.close()
    disk.close()
    cpu.close()
