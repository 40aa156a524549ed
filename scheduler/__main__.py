"""``scheduler``: the scheduler in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfcore.errors import ConfigError
from dfinfra import config as settings
from dfinfra import lifecycle, logs
from dfinfra.command import HELP_OPTIONS, entry, service_options
from scheduler import app
from scheduler.config import DEFAULT_PATH, SchedulerConfig, default_log_dir


@click.command(
    "scheduler",
    help="Tells the nodes of a cluster whom to take a model from.",
    context_settings=HELP_OPTIONS,
)
@click.version_option(package_name="meganeura", prog_name="scheduler")
@service_options("origin.maxHostsPerTask=2")
@click.option("--port", type=int, help="Port for daemons (server.port).")
@click.option("--log-dir", help="Folder for core.log (server.logDir).")
@click.option("--verbose", is_flag=True, help="Log at level debug.")
@click.option("--console", is_flag=True, help="Log to stderr as well.")
def command(
    path: Path | None,
    port: int | None,
    values: dict[str, str],
    log_dir: str | None,
    verbose: bool,
    console: bool,
    ready_file: Path | None,
) -> int:
    """Read the flags and the file, and serve; returns the exit code."""
    if port is not None:
        values["server.port"] = str(port)
    if log_dir is not None:
        values["server.logDir"] = log_dir
    if verbose:
        values["verbose"] = "true"
    if console:
        values["console"] = "true"
    if path is None and DEFAULT_PATH.exists():
        path = DEFAULT_PATH
    return serve(settings.load(SchedulerConfig, path, values), ready_file)


def serve(config: SchedulerConfig, ready_file: Path | None) -> int:
    """Run the scheduler until it is told to stop; returns the exit code."""
    folder = config.server.log_dir or default_log_dir()
    try:
        level = "debug" if config.verbose else "info"
        opened = logs.setup("scheduler", folder, level, config.console)
    except ConfigError as error:
        raise ConfigError(str(error).replace("log.dir", "server.logDir", 1)) from error

    async def work() -> int:
        built = app.build(config)

        def ready() -> None:
            logs.get_logger("app").info(
                "scheduler listens", ip=config.server.listen_ip, port=built.grpc.port
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


main = entry(command, "scheduler")


if __name__ == "__main__":
    sys.exit(main())
