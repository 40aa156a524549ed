"""Managers for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.manager.bed import KINDS, Bed, config_of, fresh_database, managed


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    """A manager on an empty SQLite database."""
    async with managed(config_of(tmp_path, fresh_database("sqlite", tmp_path))) as running:
        yield running


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    return fresh_database(request.param, tmp_path)
