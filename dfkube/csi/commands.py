"""Runs other programs and tells their one line of error; the only place that starts processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from dfcore.errors import MeganeuraError, TimedOut, Unavailable

VOLUME = "dffs://csi"
"""The volume, in arguments, which every process can read. Its URL is in the environment."""

_VARIABLE = "MEGANEURA_VOLUME_CSI"


class CommandFailed(Unavailable):
    """A program ended with an error; the text is what it said."""

    code = "command_failed"


def run(command: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> str:
    """Run to its end and return its output. Raises CommandFailed, TimedOut."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**os.environ, **(env or {})},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"{command[0]} did not end within {timeout_s:g} s") from error
    except OSError as error:
        raise MeganeuraError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise CommandFailed(said[-1] if said else f"{command[0]} ended with {done.returncode}")
    return done.stdout


def dffs(arguments: Sequence[str], url: str, passphrase: str, *, timeout_s: float) -> str:
    """Run ``dffs`` on the volume at ``url``, which its arguments call ``VOLUME``."""
    env = {_VARIABLE: url}
    if passphrase:
        env["MEGANEURA_PASSPHRASE"] = passphrase
    command = [sys.executable, "-m", "dffs.cli.main", *arguments]
    return run(command, timeout_s=timeout_s, env=env)
