"""``dffs``: the group of all commands. Each is a module that is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import cast

import click

from dffs.cli.commands import COMMANDS
from dfinfra.command import entry


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        return cast(click.Command, importlib.import_module(module).command)


@click.command(
    "dffs",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="meganeura", prog_name="dffs")
def command() -> None:
    """A file system whose blocks live in an object store and whose cache is the swarm's."""


main = entry(command, "dffs", files_are_named=True)

if __name__ == "__main__":
    sys.exit(main())
