"""Runs programs of the system, each in a clean environment: curl, wget, aria2c, git, skopeo."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

TIMEOUT_S = 60.0


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips a test whose program is not installed."""
    lacking = [name for name in programs if shutil.which(name) is None]
    reason = f"not installed (tests/clients/install --tools): {', '.join(lacking)}"
    return pytest.mark.skipif(bool(lacking), reason=reason)


def run_tool(
    *command: str, cwd: Path, env: Mapping[str, str] | None = None, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; by default it must end well. Nothing of our environment reaches it."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if ok:
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done
