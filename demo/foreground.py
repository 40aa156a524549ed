"""``make run``: manager, scheduler, seed and one node in the foreground, against the real Hub.

The node's proxy is at 127.0.0.1:65001, the console at 127.0.0.1:8080. State and logs are where the
daemons keep them by themselves: /var/lib/meganeura and /var/log/dragonfly for root, the XDG state
folder for others. Ctrl-C stops all.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click

from dfcore.errors import MeganeuraError, Unavailable
from dfdaemon.config import log_dir, state_dir
from dfinfra.authority import create_ca, issue
from dfinfra.command import HELP_OPTIONS, entry
from tests.swarm.daemon import Daemon, DaemonError
from tests.swarm.guard import Guard
from tests.swarm.plan import ADDRESS, HostPorts, host_config
from tests.swarm.ports import free_port

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
POLL_S = 0.5


class StartError(MeganeuraError):
    """A daemon refused to start; the text is what it said."""

    exit_code = 2


@dataclass(frozen=True)
class Place:
    """Where a swarm lives: its folder and its ports. Logs are in ``logs``, or in the usual places."""

    state: Path
    logs: Path | None
    scheduler: int
    scheduler_admin: int
    manager: int
    manager_rpc: int
    manager_admin: int
    node: HostPorts
    seed: HostPorts

    @classmethod
    def usual(cls) -> Place:
        """The ports of the documents, and the state of this user."""
        return cls(
            state_dir(),
            None,
            scheduler=8002,
            scheduler_admin=8003,
            manager=8080,
            manager_rpc=65003,
            manager_admin=8001,
            node=HostPorts(vortex=4005, rpc=4000, admin=4002, proxy=65001),
            seed=HostPorts(vortex=4015, rpc=4010, admin=4012, proxy=0),
        )

    @classmethod
    def own(cls, state: Path) -> Place:
        """All in one folder, and free ports: a second swarm on this machine."""
        ports = [free_port() for _ in range(5)]
        return cls(state, state / "log", *ports, HostPorts.free(), HostPorts.free())

    def log_dir(self, service: str) -> Path:
        """Folder of a service's ``core.log``."""
        return self.logs / service if self.logs else log_dir(service)


@click.command("run", help=__doc__, context_settings=HELP_OPTIONS)
@click.option("--hub", default="https://huggingface.co", envvar="HUB", show_default=True)
@click.option(
    "--state",
    type=click.Path(path_type=Path, resolve_path=True),
    envvar="RUN_STATE",
    help="Keep all in this folder, and listen at free ports.",
)
@click.option("--port", type=int, envvar="RUN_PORT", help="The node's proxy.")
def command(hub: str, state: Path | None, port: int | None) -> int:
    """Run until told to stop; returns the exit code."""
    place = Place.usual() if state is None else Place.own(state)
    if port is not None:
        place = replace(place, node=replace(place.node, proxy=port))
    return run(hub, place)


def main() -> int:
    """The entry of ``python -m demo.foreground``."""
    signal.signal(signal.SIGTERM, _ended)
    # A shell without job control starts what is in the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return entry(command, "run")()


def run(hub: str, place: Place) -> int:
    """Start, wait for Ctrl-C or the end of one of them, stop; returns the exit code."""
    guard = Guard()
    daemons = _daemons(hub, place, guard)
    try:
        for daemon in daemons:
            _start(daemon)
        print(f"logs: {daemons[-1].log_file}", flush=True)
        _tell_of_console(daemons[0], place)
        print(
            f"ready; in another terminal:  HF_ENDPOINT=http://{ADDRESS}:{place.node.proxy}"
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


def _tell_of_console(manager: Daemon, place: Place) -> None:
    """Where it is; at the first start also who may sign in, which is shown this once."""
    print(f"console: http://{ADDRESS}:{place.manager}/", flush=True)
    if said := manager.output_text().strip():
        print(said, flush=True)
        manager.output_file.unlink()


def _ended(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def _start(daemon: Daemon) -> None:
    # What was said in an earlier run would be taken for the reason of a new failure.
    daemon.output_file.unlink(missing_ok=True)
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


def _daemons(hub: str, place: Place, guard: Guard) -> list[Daemon]:
    config: dict[str, Any] = {
        "server": {"listenIP": ADDRESS, "port": place.scheduler},
        "admin": {"port": place.scheduler_admin},
        **_managed(place, "scheduler"),
    }
    folder, logs = place.state / "run" / "scheduler", place.log_dir("scheduler")
    return [
        _manager(place, guard),
        Daemon("scheduler", "scheduler", folder, config, guard, log_dir=logs),
        _host("seedpeer", "seedpeer", place.seed, hub, place, guard),
        _host("dfdaemon", "daemon", place.node, hub, place, guard),
    ]


def _manager(place: Place, guard: Guard) -> Daemon:
    config: dict[str, Any] = {
        "server": {
            "grpc": {"ip": ADDRESS, "port": place.manager_rpc},
            "rest": {"ip": ADDRESS, "port": place.manager},
        },
        "admin": {"port": place.manager_admin},
        "stateDir": str(place.state / "manager"),
    }
    folder, logs = place.state / "run" / "manager", place.log_dir("manager")
    return Daemon("manager", "manager", folder, config, guard, log_dir=logs)


def _managed(place: Place, service: str) -> dict[str, Any]:
    """Whom a service asks for its settings, and where it keeps what it was told."""
    address, kept = f"{ADDRESS}:{place.manager_rpc}", place.state / service / "manager.copy"
    return {"manager": {"addrs": [address], "clusterID": 1, "copy": str(kept)}}


def _host(module: str, name: str, ports: HostPorts, hub: str, place: Place, guard: Guard) -> Daemon:
    security = place.state / name / "security"
    authority = create_ca(place.state / "ca")
    issue(authority, security, "host", ips=[ADDRESS], dns=[socket.gethostname()])
    config = host_config(
        socket.gethostname(),
        place.state / name,
        ports,
        schedulers=(f"{ADDRESS}:{place.scheduler}",),
        hub=hub,
        security=security,
    ) | _managed(place, name)
    folder = place.state / "run" / module
    return Daemon(module, module, folder, config, guard, log_dir=place.log_dir(name))


if __name__ == "__main__":
    sys.exit(main())
