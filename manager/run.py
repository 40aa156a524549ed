"""Runs the manager until it is told to stop. The demo and the command call it."""

from __future__ import annotations

import gc
from pathlib import Path

from dfcore.errors import ConfigError
from dfinfra import lifecycle, logs
from manager import app
from manager.config import ManagerConfig, default_log_dir


def serve(config: ManagerConfig, ready_file: Path | None = None) -> int:
    """Run the manager in this process; returns the exit code."""
    folder = config.server.log_dir or default_log_dir()
    try:
        level = "debug" if config.verbose else "info"
        opened = logs.setup("manager", folder, level, config.console)
    except ConfigError as error:
        raise ConfigError(str(error).replace("log.dir", "server.logDir", 1)) from error

    async def work() -> int:
        built = app.build(config)

        def ready() -> None:
            # What was made until now stays for good: the collector need not look at it again, so it
            # runs often and briefly over what requests leave behind.
            gc.collect()
            gc.freeze()
            logs.get_logger("app").info(
                "manager listens",
                rest=built.rest.port,
                grpc=built.grpc.server.port,
                database=built.core.database.dialect,
            )

        return await lifecycle.run(
            built.services,
            grace_s=config.server.grace_s + 5.0,
            ready_file=ready_file,
            on_ready=ready,
        )

    try:
        return lifecycle.run_loop(work, loop=config.loop)
    finally:
        opened.close()
