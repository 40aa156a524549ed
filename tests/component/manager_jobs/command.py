"""``dfctl`` as a process, against the manager of a bed."""

from __future__ import annotations

import asyncio
import os
import sys

from tests.component.manager_jobs.bed import Bed


async def dfctl(
    bed: Bed, *arguments: str, stdin: str = "", token: str | None = None
) -> tuple[int, str]:
    """Exit code, and what it said."""
    env = os.environ | {
        "DFCTL_MANAGER": bed.client.base,
        "DFCTL_TOKEN": bed.client.token if token is None else token,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dfdaemon.cli.dfctl",
        *arguments,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(stdin.encode())
    return process.returncode or 0, output.decode()
