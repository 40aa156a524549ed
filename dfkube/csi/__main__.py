"""``dfcsi``: the CSI driver in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfcore.errors import BadInput
from dfinfra import config as settings
from dfinfra import lifecycle, logs
from dfkube.csi.app import build
from dfkube.csi.config import CsiConfig

GRACE_S = 10.0


@click.command(
    "dfcsi",
    help="Mounts models and folders of volumes into pods: a CSI driver.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="meganeura", prog_name="dfcsi")
@click.option("--config", "path", type=click.Path(path_type=Path), help="YAML file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one key.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written when ready.")
def command(path: Path | None, overrides: tuple[str, ...], ready_file: Path | None) -> int:
    """Read the file and serve; returns the exit code."""
    values: dict[str, str] = {}
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise BadInput(f"--set {text}: must be KEY=VALUE")
        values[key] = value
    config = settings.load(CsiConfig, path, values)
    opened = logs.setup(
        "csi", config.log_dir, "debug" if config.verbose else "info", config.log_dir is None
    )

    async def work() -> int:
        return await lifecycle.run(build(config), grace_s=GRACE_S, ready_file=ready_file)

    try:
        return lifecycle.run_loop(work)
    finally:
        opened.close()


def main() -> int:
    """The entry point; every mistake of the user is one line and exit code 2."""

    def invoke() -> int:
        try:
            return int(command.main(standalone_mode=False) or 0)
        except click.ClickException as error:
            raise BadInput(error.format_message()) from error
        except click.exceptions.Abort:
            return 130

    return lifecycle.main_guard(invoke, prog="dfcsi")


if __name__ == "__main__":
    sys.exit(main())
