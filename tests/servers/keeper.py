"""A process that keeps one server for a test run, and ends it when the run's process is gone.

    python -m tests.servers.keeper KIND FOLDER OWNER_PID

Started by `shared`. It detaches itself, so that the server is nobody's child in the test run;
writes FOLDER/ready.json when the server answers (or FOLDER/failed), and removes FOLDER at the end.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers.processes import KINDS, SeaweedFS, Server, ServerMissing


def main() -> None:
    """Start the server, wait for the owner's end, end the server."""
    kind, folder, owner = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        handle = os.pidfd_open(owner)
        server = KINDS[kind](folder)
        try:
            _start(server, folder)
        except (ServerMissing, RuntimeError, OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            outcome = "missing" if isinstance(error, ServerMissing) else "failed"
            _write(folder / outcome, f"{error} {said.decode(errors='replace')[-2000:]}")
            select.select([handle], [], [])
            return
        try:
            select.select([handle], [], [])
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)


def _start(server: Server, folder: Path) -> None:
    server.start()
    known = {"url": server.url, "pid": server.pid, "port": server.port}
    if isinstance(server, SeaweedFS):
        known["filer"] = server.filer_url
    _write(folder / "ready.json", json.dumps(known))


def _write(path: Path, text: str) -> None:
    """Whole or not at all: somebody waits for it."""
    unready = path.with_suffix(".tmp")
    unready.write_text(text)
    unready.rename(path)


if __name__ == "__main__":
    main()
