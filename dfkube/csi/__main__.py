"""``dfcsi``: the CSI driver in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfinfra import config as settings
from dfinfra.command import HELP_OPTIONS, entry, service_options
from dfkube.csi.app import build
from dfkube.csi.config import CsiConfig
from dfkube.serving import serve

GRACE_S = 10.0


@click.command(
    "dfcsi",
    help="Mounts models and folders of volumes into pods: a CSI driver.",
    context_settings=HELP_OPTIONS,
)
@click.version_option(package_name="meganeura", prog_name="dfcsi")
@service_options("verbose=true")
def command(path: Path | None, values: dict[str, str], ready_file: Path | None) -> int:
    """Read the file and serve; returns the exit code."""
    config = settings.load(CsiConfig, path, values)
    return serve(
        "csi",
        lambda: build(config),
        grace_s=GRACE_S,
        log_dir=config.log_dir,
        verbose=config.verbose,
        ready_file=ready_file,
    )


main = entry(command, "dfcsi")


if __name__ == "__main__":
    sys.exit(main())
