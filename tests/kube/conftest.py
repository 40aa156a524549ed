"""Renders the chart once for each case; skips, aloud, where the tools are not installed."""

from __future__ import annotations

from functools import cache

import pytest

from tests.kube import tools
from tests.kube.cases import CASES
from tests.kube.chart import Case, Rendered, render

MISSING = "not there: tests/kube/install gets it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if "tests/kube/" in str(item.path)]
    if not all(tool.exists() for tool in (*tools.HELMS, tools.VALIDATE)):
        for item in here:
            item.add_marker(pytest.mark.skip(reason=f"helm, kubernetes-validate {MISSING}"))


@cache
def rendered_once(case: Case) -> Rendered:
    return Rendered.of(render(case))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def rendered(case: Case) -> Rendered:
    return rendered_once(case)
