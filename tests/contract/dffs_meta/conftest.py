"""Every test runs on every engine; the files of one engine's server are shared by the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dffs.meta.fs import Meta, open_meta
from dffs.meta.types import Settings
from tests.servers.engines import ENGINES, engine_url

MakeMeta = Callable[..., Meta]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty engine."""
    return engine_url(request.param, tmp_path)


@pytest.fixture
def open_client(url: str) -> Iterator[MakeMeta]:
    """Opens clients of the same volume; all are closed at the end."""
    clients: list[Meta] = []

    def make(**options: object) -> Meta:
        client = open_meta(url, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def meta(open_client: MakeMeta) -> Meta:
    """An empty volume with blocks of 64 KiB, and one client."""
    client = open_client()
    client.create_volume(Settings(block_size_bytes=65536, acl=True), b'{"name": "test"}')
    return client
