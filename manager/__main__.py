"""``manager``: the control plane in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfcore.errors import BadInput
from dfinfra import config as settings
from dfinfra import lifecycle
from manager.config import DEFAULT_PATH, ManagerConfig
from manager.run import serve


@click.command(
    "manager",
    help="The control plane: clusters, discovery, jobs, models, REST API and console.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="meganeura", prog_name="manager")
@click.option("--config", "path", type=click.Path(path_type=Path), help="YAML file.")
@click.option("--rest-port", type=int, help="Port of REST and console (server.rest.port).")
@click.option("--grpc-port", type=int, help="Port for nodes (server.grpc.port).")
@click.option("--database", "url", help="SQLite, PostgreSQL, MySQL or MariaDB (database.url).")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key of the file, e.g. auth.signUp=true. May be repeated.",
)
@click.option("--log-dir", help="Folder for core.log (server.logDir).")
@click.option("--verbose", is_flag=True, help="Log at level debug.")
@click.option("--console", is_flag=True, help="Log to stderr as well.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written when ready.")
def command(
    path: Path | None,
    rest_port: int | None,
    grpc_port: int | None,
    url: str | None,
    overrides: tuple[str, ...],
    log_dir: str | None,
    verbose: bool,
    console: bool,
    ready_file: Path | None,
) -> int:
    """Read the flags and the file, and serve; returns the exit code."""
    values = dict(_pair(text) for text in overrides)
    flags = {
        "server.rest.port": rest_port,
        "server.grpc.port": grpc_port,
        "database.url": url,
        "server.logDir": log_dir,
        "verbose": "true" if verbose else None,
        "console": "true" if console else None,
    }
    values |= {key: str(value) for key, value in flags.items() if value is not None}
    if path is None and DEFAULT_PATH.exists():
        path = DEFAULT_PATH
    return serve(settings.load(ManagerConfig, path, values), ready_file)


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

    return lifecycle.main_guard(invoke, prog="manager")


if __name__ == "__main__":
    sys.exit(main())
