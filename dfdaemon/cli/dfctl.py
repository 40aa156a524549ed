"""``dfctl``: looks at a node and its swarm, and makes certificates. The command line only."""

from __future__ import annotations

import sys

import click

from dfdaemon.cli import ca, explain, job, model, swarm, tasks
from dfinfra.command import entry


@click.group(
    "dfctl", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="meganeura", prog_name="dfctl")
def command() -> None:
    """Look at this node, its tasks and its swarm."""


command.add_command(tasks.group)
command.add_command(swarm.hosts)
command.add_command(swarm.peers)
command.add_command(explain.command)
command.add_command(ca.group)
command.add_command(job.group)
command.add_command(job.secrets)
command.add_command(model.group)

main = entry(command, "dfctl")

if __name__ == "__main__":
    sys.exit(main())
