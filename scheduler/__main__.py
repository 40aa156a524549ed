"""``scheduler``: the scheduler in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfcore.errors import BadInput, ConfigError
from dfinfra import config as settings
from dfinfra import lifecycle, logs
from scheduler import app
from scheduler.config import DEFAULT_PATH, SchedulerConfig, default_log_dir


@click.command(
    "scheduler",
    help="Tells the nodes of a cluster whom to take a model from.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="meganeura", prog_name="scheduler")
@click.option("--config", "path", type=click.Path(path_type=Path), help="YAML file.")
@click.option("--port", type=int, help="Port for daemons (server.port).")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key of the file, e.g. origin.maxHostsPerTask=2. May be repeated.",
)
@click.option("--log-dir", help="Folder for core.log (server.logDir).")
@click.option("--verbose", is_flag=True, help="Log at level debug.")
@click.option("--console", is_flag=True, help="Log to stderr as well.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written when ready.")
def command(
    path: Path | None,
    port: int | None,
    overrides: tuple[str, ...],
    log_dir: str | None,
    verbose: bool,
    console: bool,
    ready_file: Path | None,
) -> int:
    """Read the flags and the file, and serve; returns the exit code."""
    values = dict(_pair(text) for text in overrides)
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


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise BadInput(f"--set {text}: must be KEY=VALUE")
    return key, value


def main() -> int:
    """The entry point; every mistake of the user is one line and exit code 2."""

    def invoke() -> int:
        try:
            return int(command.main(standalone_mode=False) or 0)
        except click.ClickException as error:
            raise BadInput(error.format_message()) from error
        except click.exceptions.Abort:
            return 130

    return lifecycle.main_guard(invoke, prog="scheduler")


if __name__ == "__main__":
    sys.exit(main())
