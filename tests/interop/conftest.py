"""One swarm per module: `OPTIONS` of a module are those of its ``Swarm``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import _SWARMS
from tests.interop.bed import Bed, started


@pytest.fixture(scope="module")
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    options = getattr(request.module, "OPTIONS", {})
    with started(tmp_path_factory.mktemp("interop"), **options) as running:
        yield running


@pytest.fixture
def watched(request: pytest.FixtureRequest, bed: Bed) -> Bed:
    """The module's bed, whose last words are shown if the test fails."""
    request.node.stash.setdefault(_SWARMS, []).append(bed.swarm)
    return bed
