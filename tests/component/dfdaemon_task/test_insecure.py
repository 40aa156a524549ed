"""A seed verifies an origin by its own configuration, not by what a node asks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from dfdaemon.proxy.config import RegistryMirrorConfig
from dfdaemon.task.conductor import Child, Conductor
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.registry import TaskRegistry
from dfdaemon.task.spec import TaskSpec
from tests.component.dfdaemon_task.conftest import Silent

MIRROR = "https://registry.test:8443"


async def _fetched(parts: EngineParts, *urls: str) -> list[bool]:
    """What a seed makes of a node's wishes to fetch the URLs unverified."""
    registry = TaskRegistry(replace(parts, host=replace(parts.host, seed=True)))
    found: list[bool] = []
    for url in urls:
        spec = TaskSpec(url, insecure_skip_verify=True)
        child = cast(Child, Silent())
        joined = registry.join(spec.task_id, spec, child, None, secure=False)
        assert isinstance(joined, Conductor)
        found.append(joined.spec.insecure_skip_verify)
    await registry.aclose()
    return found


async def test_a_seed_verifies_unless_it_is_told_itself(
    parts: EngineParts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert await _fetched(parts, f"{MIRROR}/a", f"{MIRROR}/b") == [False, False]
    told = [line for line in caplog.messages if "not to verify an origin" in line]
    assert len(told) == 1
    assert "registry.test" in told[0]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (RegistryMirrorConfig(url=MIRROR), [False, False]),
        (RegistryMirrorConfig(url=MIRROR, insecure=True, dynamic=False), [True, False]),
        (RegistryMirrorConfig(url=MIRROR, insecure=True), [True, True]),
    ],
)
async def test_a_seed_that_is_told_so_itself_goes_by_that(
    parts: EngineParts, config: RegistryMirrorConfig, expected: list[bool]
) -> None:
    rule: Callable[[str], bool] = config.may_skip_verify
    parts = replace(parts, may_skip_verify=rule)
    assert await _fetched(parts, f"{MIRROR}/a", "https://other.test/a") == expected


def test_the_rule_is_that_of_the_registry_mirror() -> None:
    config: Any = RegistryMirrorConfig(url="https://Registry.test", insecure=True, dynamic=False)
    assert config.may_skip_verify("https://registry.test/v2/a")
    assert not config.may_skip_verify("https://registry.test:8443/v2/a")
