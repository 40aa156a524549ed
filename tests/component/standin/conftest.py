"""A stand-in with org/tiny, an HTTP client, and the real clients' folders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.clients import run
from tests.standin import StandIn, fixtures


@pytest.fixture
async def standin(tmp_path: Path) -> AsyncIterator[StandIn]:
    """A running stand-in that serves org/tiny and knows two tokens."""
    async with StandIn(root=tmp_path / "standin") as running:
        fixtures.tiny(running.state)
        fixtures.tokens(running.state)
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client that leaves bodies as they were sent."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Home folder of one client; skips the test when no clients are installed."""
    if run.missing():
        pytest.skip("run tests/clients/install first")
    return tmp_path / "client"
