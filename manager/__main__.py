"""``manager``: the control plane in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfinfra import config as settings
from dfinfra.command import HELP_OPTIONS, entry, service_options
from manager.config import DEFAULT_PATH, ManagerConfig
from manager.run import serve


@click.command(
    "manager",
    help="The control plane: clusters, discovery, jobs, models, REST API and console.",
    context_settings=HELP_OPTIONS,
)
@click.version_option(package_name="meganeura", prog_name="manager")
@service_options("auth.signUp=true")
@click.option("--rest-port", type=int, help="Port of REST and console (server.rest.port).")
@click.option("--grpc-port", type=int, help="Port for nodes (server.grpc.port).")
@click.option("--database", "url", help="SQLite, PostgreSQL, MySQL or MariaDB (database.url).")
@click.option("--log-dir", help="Folder for core.log (server.logDir).")
@click.option("--verbose", is_flag=True, help="Log at level debug.")
@click.option("--console", is_flag=True, help="Log to stderr as well.")
def command(
    path: Path | None,
    rest_port: int | None,
    grpc_port: int | None,
    url: str | None,
    values: dict[str, str],
    log_dir: str | None,
    verbose: bool,
    console: bool,
    ready_file: Path | None,
) -> int:
    """Read the flags and the file, and serve; returns the exit code."""
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


main = entry(command, "manager")


if __name__ == "__main__":
    sys.exit(main())
