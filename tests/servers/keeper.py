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
        except (ServerMissing, RuntimeError, OSError) as error:
            (folder / "failed").write_text(str(error))
            select.select([handle], [], [], 30)
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
    unready = folder / "ready.tmp"
    unready.write_text(json.dumps(known))
    unready.rename(folder / "ready.json")


if __name__ == "__main__":
    main()
