"""``make run``: scheduler, seed and one node in the foreground, against the real Hugging Face Hub.

The node's proxy is at 127.0.0.1:65001. State and logs are where the daemons keep them by themselves:
/var/lib/meganeura and /var/log/dragonfly for root, the XDG state folder for others. HUB names
another Hub. Ctrl-C stops all.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from dfcore.errors import MeganeuraError, Unavailable
from dfdaemon.config import log_dir, state_dir
from dfinfra.authority import create_ca, issue
from dfinfra.lifecycle import main_guard
from tests.swarm.daemon import Daemon, DaemonError
from tests.swarm.guard import Guard
from tests.swarm.plan import ADDRESS, HostPorts, host_config

HUB = "https://huggingface.co"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SCHEDULER_PORT = 8002
SCHEDULER_ADMIN_PORT = 8003
NODE_PORTS = HostPorts(vortex=4005, rpc=4000, admin=4002, proxy=65001)
SEED_PORTS = HostPorts(vortex=4015, rpc=4010, admin=4012, proxy=0)
POLL_S = 0.5


class StartError(MeganeuraError):
    """A daemon refused to start; the text is what it said."""

    exit_code = 2


def main() -> int:
    """The entry of ``python -m demo.foreground``."""
    signal.signal(signal.SIGTERM, _ended)
    return main_guard(lambda: run(os.environ.get("HUB") or HUB), prog="run")


def run(hub: str) -> int:
    """Start, wait for Ctrl-C or the end of one of them, stop; returns the exit code."""
    guard = Guard()
    daemons = _daemons(hub, state_dir(), guard)
    try:
        for daemon in daemons:
            _start(daemon)
        print(f"logs: {daemons[-1].log_file}", flush=True)
        print(
            f"ready; in another terminal:  HF_ENDPOINT=http://{ADDRESS}:{NODE_PORTS.proxy}"
            f" hf download {MODEL}    (Ctrl-C stops)",
            flush=True,
        )
        _watch(daemons)
        return 0
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for daemon in reversed(daemons):
            daemon.stop()
        guard.close()


def _ended(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def _start(daemon: Daemon) -> None:
    try:
        daemon.start()
        daemon.wait_ready()
    except DaemonError as error:
        said = daemon.output_text().strip().splitlines()
        raise StartError(said[-1] if said else str(error).splitlines()[0]) from error


def _watch(daemons: list[Daemon]) -> None:
    while True:
        time.sleep(POLL_S)
        for daemon in daemons:
            if not daemon.running:
                raise Unavailable(f"{daemon.name} ended with {daemon.exit_code}; {daemon.log_file}")


def _daemons(hub: str, state: Path, guard: Guard) -> list[Daemon]:
    scheduler: dict[str, Any] = {
        "server": {"listenIP": ADDRESS, "port": SCHEDULER_PORT},
        "admin": {"port": SCHEDULER_ADMIN_PORT},
    }
    run_dir = state / "run"
    return [
        Daemon(
            "scheduler",
            "scheduler",
            run_dir / "scheduler",
            scheduler,
            guard,
            log_dir=log_dir("scheduler"),
        ),
        _host("seedpeer", "seedpeer", SEED_PORTS, hub, state, guard),
        _host("dfdaemon", "daemon", NODE_PORTS, hub, state, guard),
    ]


def _host(
    module: str, log_name: str, ports: HostPorts, hub: str, state: Path, guard: Guard
) -> Daemon:
    security = state / log_name / "security"
    issue(create_ca(state / "ca"), security, "host", ips=[ADDRESS], dns=[socket.gethostname()])
    config = host_config(
        socket.gethostname(),
        state / log_name,
        ports,
        schedulers=(f"{ADDRESS}:{SCHEDULER_PORT}",),
        hub=hub,
        security=security,
    )
    folder = state / "run" / module
    # What was said in an earlier run would be taken for the reason of a new failure.
    (folder / "output.txt").unlink(missing_ok=True)
    return Daemon(module, module, folder, config, guard, log_dir=log_dir(log_name))


if __name__ == "__main__":
    sys.exit(main())
