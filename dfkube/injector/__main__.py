"""``dfinjector``: the pod injector in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfinfra import config as settings
from dfinfra.command import HELP_OPTIONS, entry, service_options
from dfkube.injector.config import InjectorConfig
from dfkube.injector.server import Injector
from dfkube.serving import serve


@click.command(
    "dfinjector",
    help="Points the clients in pods at the daemon of their node: a mutating webhook.",
    context_settings=HELP_OPTIONS,
)
@click.version_option(package_name="meganeura", prog_name="dfinjector")
@service_options("verbose=true")
def command(path: Path | None, values: dict[str, str], ready_file: Path | None) -> int:
    """Read the file and serve; returns the exit code."""
    config = settings.load(InjectorConfig, path, values)
    return serve(
        "injector",
        lambda: [Injector(config)],
        grace_s=config.grace_s + 5.0,
        log_dir=config.log_dir,
        verbose=config.verbose,
        ready_file=ready_file,
    )


main = entry(command, "dfinjector")


if __name__ == "__main__":
    sys.exit(main())
