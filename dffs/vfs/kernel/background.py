"""Runs a command's work in the background: `dffs mount -d`.

The command's process waits until the work has begun, and fails with its error if it does not. Must be
called before any thread is started: threads do not survive a fork.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from dfcore.errors import MeganeuraError
from dfinfra.redact import redact_text

_READY = b"\0"


class BackgroundFailed(MeganeuraError):  # noqa: N818 - the names say what happened
    """The work in the background ended before it had begun; the message is its own."""

    code = "background_failed"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]


def in_background(work: Callable[[Callable[[], None]], int], log: Path | None = None) -> int:
    """Run `work(on_ready)` detached from terminal and session; returns 0 when it is ready.

    Its output goes to `log`, or nowhere.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        _detached(work, write_end, log)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end, "rb") as pipe:
        told = pipe.read()
    if told.startswith(_READY):
        return 0
    code, _, message = told.decode(errors="replace").partition(" ")
    raise BackgroundFailed(message or "ended before it was ready", int(code or "1"))


def _detached(work: Callable[[Callable[[], None]], int], write_end: int, log: Path | None) -> None:
    code = 1
    told = False

    def on_ready() -> None:
        nonlocal told
        told = True
        os.write(write_end, _READY)
        os.close(write_end)

    try:
        os.chdir("/")
        _redirect(log)
        code = work(on_ready)
    except BaseException as error:
        code = error.exit_code if isinstance(error, MeganeuraError) else 1
        line = redact_text(" ".join(str(error).split()) or type(error).__name__)
        if told:
            sys.stderr.write(line + "\n")
        else:
            os.write(write_end, f"{code} {line}".encode())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path | None) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    out = nowhere if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    for fd, target in ((0, nowhere), (1, out), (2, out)):
        os.dup2(target, fd)
    if nowhere > 2:
        os.close(nowhere)
    if out > 2 and out != nowhere:
        os.close(out)
