"""Volumes on SQLite and a local directory, and a gateway on one, for the tests of this folder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from dffs.format import Format
from dffs.gateway.service import GatewayOptions, compose
from dffs.tree import Tree
from dffs.volume import Volume

ACCESS, SECRET = "AKTEST", "a-test-secret"
KIB = 1024


def make_volume(folder: Path, name: str = "models", **settings: Any) -> str:
    """The metadata URL of a new volume with blocks of 64 KiB."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/{name}.db"
    settings.setdefault("block_size_bytes", 64 * KIB)
    Volume.format_new(url, Format(name, bucket=str(folder / "objects"), **settings))
    return url


@pytest.fixture
def meta_url(tmp_path: Path) -> str:
    return make_volume(tmp_path / "volume")


@pytest.fixture
def volume(meta_url: str) -> Iterator[Volume]:
    with Volume.open(meta_url) as opened:
        yield opened


@pytest.fixture
def tree(volume: Volume) -> Tree:
    return Tree(volume.meta, volume.files)


class Gateway:
    """A gateway in a thread with a loop of its own."""

    def __init__(self, volume: Volume, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._http, self._services = compose(
            volume, GatewayOptions(port=0, keys={ACCESS: SECRET}, **options)
        )
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        for service in self._services:
            self._call(service.start())
        self.url = f"http://127.0.0.1:{self._http.port}"

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def client(self, secret: str = SECRET, *, verify: str | None = None, **config: Any) -> Any:
        """A boto3 client of it."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=secret,
            region_name="us-east-1",
            verify=verify,
            config=Config(retries={"max_attempts": 1}, **config),
        )

    def stop(self) -> None:
        """Stop it and its thread."""
        for service in reversed(self._services):
            self._call(service.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def gateway(volume: Volume) -> Iterator[Gateway]:
    running = Gateway(volume)
    yield running
    running.stop()


@pytest.fixture
def s3(gateway: Gateway) -> Iterator[Any]:
    client = gateway.client()
    yield client
    client.close()
