"""A swarm of its own for a test that breaks one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.bed import Bed, started, watch


@pytest.fixture
def make_bed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Bed]]:
    """Starts an origin and a swarm (the options of ``Swarm``); both end with the test."""
    with ExitStack() as beds:

        def make(**options: Any) -> Bed:
            bed = beds.enter_context(started(tmp_path, **options))
            watch(request, bed)
            return bed

        yield make
