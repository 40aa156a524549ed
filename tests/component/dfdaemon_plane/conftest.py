"""Every test of the data plane runs on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from ssl import CERT_NONE, SSLContext

import pytest
import uvloop

from blobstore import BlobStore, DiskConfig, StoreConfig
from dfinfra import tls


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def store_of(tmp_path: Path) -> Iterator[Callable[[str], BlobStore]]:
    """Makes a host's store; all are closed at the end."""
    opened: list[BlobStore] = []

    def make(host: str) -> BlobStore:
        folder = tmp_path / host
        folder.mkdir()
        opened.append(BlobStore(StoreConfig(disks=(DiskConfig(folder, free_ratio=0.0),))).open())
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@dataclass(frozen=True)
class Cluster:
    """TLS contexts of members, and of one whose certificate another authority made."""

    server: SSLContext
    client: SSLContext
    stranger: SSLContext


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    ours = tmp_path_factory.mktemp("ca")
    theirs = tmp_path_factory.mktemp("other-ca")
    member = tls.issue(tls.create_ca(ours), ours, "member", ips=("127.0.0.1",))
    other = tls.issue(tls.create_ca(theirs), theirs, "stranger", ips=("127.0.0.1",))
    stranger = tls.client_context(other)
    # It believes anybody; the question is who believes it.
    stranger.verify_mode = CERT_NONE
    return Cluster(tls.server_context(member), tls.client_context(member), stranger)
