"""SIGHUP: read the configuration again and apply what can change while the node runs.

Bandwidth limits and the log level change at once. Everything else keeps its value until a restart,
which the log line says by name.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import fields, replace

from dfcore.errors import ConfigError
from dfdaemon.config import DaemonConfig
from dfinfra.logs import get_logger

log = get_logger("reload")


class Reloader:
    """A service that waits for SIGHUP. ``load`` reads the file that the node was started with."""

    name = "reload"

    def __init__(
        self,
        config: DaemonConfig,
        load: Callable[[], DaemonConfig],
        apply_limits: Callable[[DaemonConfig], None],
    ) -> None:
        self._config = config
        self._load = load
        self._apply_limits = apply_limits

    async def start(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)

    async def stop(self) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)

    def reload(self) -> None:
        """Apply the file as it is now, or keep everything if it has a mistake."""
        try:
            new = self._load()
            logging.getLogger().setLevel(new.log.level.upper())
        except (ConfigError, ValueError) as error:
            log.error("configuration not reloaded", reason=str(error))
            return
        self._apply_limits(new)
        log.info("configuration reloaded", after_restart=needs_restart(self._config, new))
        self._config = new


def needs_restart(old: DaemonConfig, new: DaemonConfig) -> list[str]:
    """The sections with changes that only a restart brings into force."""
    left, right = _without_live(old), _without_live(new)
    return [
        field.name
        for field in fields(DaemonConfig)
        if getattr(left, field.name) != getattr(right, field.name)
    ]


def _without_live(config: DaemonConfig) -> DaemonConfig:
    return replace(
        config,
        verbose=False,
        log=replace(config.log, level="info"),
        upload=replace(config.upload, rate_limit_bytes=None),
        download=replace(
            config.download,
            rate_limit_bytes=None,
            origin_rate_limit_bytes=None,
            task_rate_limit_bytes=None,
        ),
    )
