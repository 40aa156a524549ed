from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

_SCRIPT = """
import os, sys, time
from pathlib import Path
from dfcore.errors import ConfigError, MeganeuraError
from dffs.vfs.kernel.background import in_background

def work(on_ready):
    if sys.argv[1] == "fails":
        raise ConfigError("flag --x: no such thing")
    if sys.argv[1] == "dies":
        os._exit(9)
    on_ready()
    print("goes on", os.getcwd(), os.getpid() != os.getpgrp(), flush=True)
    return 0

try:
    sys.exit(in_background(work, Path(sys.argv[2])))
except MeganeuraError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def _run(how: str, log: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT, how, str(log)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_command_returns_when_the_work_has_begun(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = _run("works", log)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    deadline = time.monotonic() + 10
    while not log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log.read_text() == "goes on / True\n"


def test_an_error_before_that_is_the_commands_error(tmp_path: Path) -> None:
    done = _run("fails", tmp_path / "log")
    assert (done.returncode, done.stdout) == (2, "flag --x: no such thing\n")


def test_an_end_without_a_word_is_an_error(tmp_path: Path) -> None:
    done = _run("dies", tmp_path / "log")
    assert (done.returncode, done.stdout) == (1, "ended before it was ready\n")
