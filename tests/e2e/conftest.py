"""One swarm per module, fresh counters per test, and no secret left behind.

A module says by `PLAN` (bed.Plan) what its swarm is like.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import run
from tests.conftest import _SWARMS
from tests.e2e.bed import Bed, Plan, started
from tests.e2e.secrets import leaks


@pytest.fixture(scope="module")
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """The module's origin and swarm. When it ends, none of them may have let a secret out."""
    if run.missing():
        pytest.skip("run tests/clients/install first")
    plan: Plan = getattr(request.module, "PLAN", Plan())
    with started(plan, tmp_path_factory.mktemp("bed")) as running:
        yield running
        running.check_daemons()
        found = leaks(running.swarm)
        assert not found, found


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest, bed: Bed) -> Iterator[None]:
    """Each test counts from nought and finds an origin that behaves; no token reaches the CDN."""
    request.node.stash.setdefault(_SWARMS, []).append(bed.swarm)
    bed.reset()
    yield
    assert bed.standin.counters()["cdn_authorization"] == 0


@pytest.fixture
def home(bed: Bed) -> Path:
    """Home folder of one client."""
    made = bed.home()
    made.mkdir(parents=True)
    return made
