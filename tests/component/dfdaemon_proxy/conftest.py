"""Every test of the proxy runs on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import uvloop

from dfdaemon.hub.config import HubConfig
from tests.clients import run
from tests.component.dfdaemon_proxy.origin import Origin
from tests.standin import StandIn, fixtures


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    if item.get_closest_marker("clients"):
        del loops["asyncio"]  # what matters there is the client, which is slow to start
    return loops


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as running:
        yield running


@pytest.fixture
async def standin(tmp_path: Path) -> AsyncIterator[StandIn]:
    async with StandIn(root=tmp_path / "standin") as running:
        fixtures.tiny(running.state)
        fixtures.tokens(running.state)
        yield running


@pytest.fixture
def hub(standin: StandIn) -> HubConfig:
    return hub_of(standin)


def hub_of(standin: StandIn, **options: object) -> HubConfig:
    """The configuration that mirrors a stand-in."""
    return HubConfig(
        endpoint=standin.hub_url,
        hosts=(),
        cdn_hosts=(standin.cdn_url.partition("://")[2],),
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Home folder of one client; skips the test when no clients are installed."""
    if run.missing():
        pytest.skip("run tests/clients/install first")
    return tmp_path / "client"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that shows answers as they are."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session
