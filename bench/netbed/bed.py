"""A swarm on the hosts of a test bed: origin, scheduler, seed and nodes, each on a host of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.netbed import flow
from bench.netbed.net import Link, Net
from bench.nginx import Nginx
from tests.swarm.daemon import Daemon
from tests.swarm.figures import Figures
from tests.swarm.guard import Guard
from tests.swarm.plan import Changes, HostPorts, host_config, laid_over

ORIGIN, SCHEDULER, SEED = "origin", "sched", "seed"
PORTS = HostPorts(vortex=4005, rpc=4000, admin=4002, proxy=65001)
SCHEDULER_PORT = 8002
ORIGIN_PORT = 80
FLOW_PORT = 5201


@dataclass(frozen=True)
class BedPlan:
    """``nodes`` hosts at ``rate_mbit`` each way; ``slow`` gives single nodes another rate, ``loss``
    is for every node. The seed's and the origin's rates are the nodes' unless told otherwise."""

    nodes: int
    rate_mbit: float
    seed_mbit: float | None = None
    origin_mbit: float | None = None
    slow: Mapping[int, float] | None = None
    loss: float = 0.0

    def node_mbit(self, index: int) -> float:
        return (self.slow or {}).get(index, self.rate_mbit)

    @property
    def seed_rate(self) -> float:
        return self.seed_mbit or self.rate_mbit

    @property
    def origin_rate(self) -> float:
        return self.origin_mbit or self.rate_mbit

    def links(self) -> list[Link]:
        return [
            Link(ORIGIN, self.origin_rate, None),
            Link(SCHEDULER, None, None),
            Link(SEED, self.seed_rate, self.seed_rate),
            *(
                Link(f"n{i}", self.node_mbit(i), self.node_mbit(i), self.loss)
                for i in range(self.nodes)
            ),
        ]


class Bed:
    """Hosts, and what runs on them, while the block runs."""

    def __init__(
        self, folder: Path, plan: BedPlan, *, node: Changes | None = None, daemons: bool = True
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.net = Net(plan.links())
        self.root = folder / "origin-files"
        self.nodes: list[Daemon] = []
        self._changes = node or {}
        self._daemons = daemons
        self._stack = ExitStack()

    @property
    def origin_url(self) -> str:
        return f"http://{self.net.address(ORIGIN)}:{ORIGIN_PORT}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.net)
            self.root.mkdir(parents=True, exist_ok=True)
            self._start_nginx(stack)
            if self._daemons:
                self._start_swarm(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def run(self, host: str, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Start a program on a host."""
        return subprocess.Popen([*self.net.inside(host), *command], text=True, **options)

    def figures(self, host: str) -> Figures:
        """What the daemon on the host says of itself."""
        url = f"http://127.0.0.1:{PORTS.admin}/metrics"
        done = self.run(host, ["curl", "-sS", "-m", "10", url], stdout=subprocess.PIPE)
        return Figures(done.communicate()[0])

    def sent_bytes(self, host: str) -> int:
        """What has left the host's interface so far, frames and all."""
        done = self.run(host, ["ip", "-j", "-s", "link", "show", "eth0"], stdout=subprocess.PIPE)
        return int(json.loads(done.communicate()[0])[0]["stats64"]["tx"]["bytes"])

    def goodput(self, sender: str = "n0", receiver: str = SEED, seconds: float = 3.0) -> float:
        """Bytes a second of one flow each way at once: ACKs take their part, as in a swarm."""
        with ExitStack() as stack:
            pairs = [(sender, receiver), (receiver, sender)]
            servers = [self._flow(a, "serve", self.net.address(a), seconds) for a, _ in pairs]
            for server in servers:
                stack.callback(server.wait)
                assert server.stdout is not None
                server.stdout.readline()
            takers = [self._flow(b, "take", self.net.address(a)) for a, b in pairs]
            return min(float(taker.communicate()[0]) for taker in takers)

    def _flow(
        self, host: str, verb: str, address: str, seconds: float | None = None
    ) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(flow.__file__)), verb, address, str(FLOW_PORT)]
        if seconds is not None:
            command.append(str(seconds))
        return self.run(host, command, stdout=subprocess.PIPE)

    def _start_nginx(self, stack: ExitStack) -> None:
        nginx = Nginx(
            self.folder / "nginx",
            self.root,
            address=self.net.address(ORIGIN),
            port=ORIGIN_PORT,
            prefix=self.net.inside(ORIGIN),
        )
        stack.enter_context(nginx)

    def _start_swarm(self, stack: ExitStack) -> None:
        guard = Guard()
        stack.callback(guard.close)
        address = self.net.address(SCHEDULER)
        scheduler = Daemon(
            "scheduler",
            "scheduler",
            self.folder / "scheduler",
            {"server": {"listenIP": address, "port": SCHEDULER_PORT}},
            guard,
            prefix=self.net.inside(SCHEDULER),
        )
        self._start(scheduler, stack).wait_ready()
        self.seed = self._start(self._host(SEED, "seedpeer", guard, {}), stack)
        self.nodes = [
            self._start(self._host(f"n{i}", "dfdaemon", guard, self._changes), stack)
            for i in range(self.plan.nodes)
        ]
        for daemon in (self.seed, *self.nodes):
            daemon.wait_ready()

    @staticmethod
    def _start(daemon: Daemon, stack: ExitStack) -> Daemon:
        daemon.start()
        stack.callback(daemon.stop)
        return daemon

    def _host(self, name: str, module: str, guard: Guard, changes: Changes) -> Daemon:
        folder, address = self.folder / name, self.net.address(name)
        config = host_config(
            name,
            folder,
            PORTS,
            schedulers=(f"{self.net.address(SCHEDULER)}:{SCHEDULER_PORT}",),
            hub="http://hub.invalid",
            security=None,
        )
        here: dict[str, Any] = {"host": {"ip": address}, "upload": {"ip": address}}
        return Daemon(
            name,
            module,
            folder,
            laid_over(laid_over(config, here), changes),
            guard,
            prefix=self.net.inside(name),
        )
