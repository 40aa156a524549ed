"""What a reload applies, what it leaves to a restart, and that a mistake changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dfcore.errors import ConfigError
from dfdaemon.config import DaemonConfig
from dfdaemon.reload import Reloader, needs_restart

OLD = DaemonConfig()
SLOWER = replace(
    OLD,
    download=replace(OLD.download, rate_limit_bytes=1000),
    log=replace(OLD.log, level="debug"),
)


@pytest.fixture(autouse=True)
def root_level() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


def test_limits_and_log_level_change_at_once() -> None:
    applied: list[DaemonConfig] = []
    Reloader(OLD, lambda: SLOWER, applied.append).reload()
    assert applied == [SLOWER]
    assert logging.getLogger().level == logging.DEBUG


def test_a_file_with_a_mistake_changes_nothing() -> None:
    def load() -> DaemonConfig:
        raise ConfigError("download.rateLimit: 'fast' is not allowed")

    applied: list[DaemonConfig] = []
    Reloader(OLD, load, applied.append).reload()
    assert not applied


def test_an_unknown_level_changes_nothing() -> None:
    applied: list[DaemonConfig] = []
    loud = replace(SLOWER, log=replace(OLD.log, level="loud"))
    Reloader(OLD, lambda: loud, applied.append).reload()
    assert not applied


def test_what_needs_a_restart_is_named() -> None:
    assert needs_restart(OLD, SLOWER) == []
    moved = replace(SLOWER, upload=replace(OLD.upload, port=4006))
    assert needs_restart(OLD, moved) == ["upload"]
