"""``dfctl`` against the manager of a bed: its whole entry point, on a thread of this process."""

from __future__ import annotations

import asyncio
import sys

from click.testing import CliRunner

from dfdaemon.cli import dfctl as entry
from tests.component.manager_jobs.bed import Bed


async def dfctl(
    bed: Bed, *arguments: str, stdin: str = "", token: str | None = None
) -> tuple[int, str]:
    """Exit code, and what it said on stdout and stderr."""
    env = {
        "DFCTL_MANAGER": bed.client.base,
        "DFCTL_TOKEN": bed.client.token if token is None else token,
    }
    return await asyncio.to_thread(_run, arguments, stdin, env)


def _run(arguments: tuple[str, ...], stdin: str, env: dict[str, str]) -> tuple[int, str]:
    argv = sys.argv
    with CliRunner().isolation(input=stdin, env=env) as streams:
        sys.argv = ["dfctl", *arguments]
        try:
            code = entry.main()
        finally:
            sys.argv = argv
        sys.stdout.flush()
        sys.stderr.flush()
        return code, streams[2].getvalue().decode()
