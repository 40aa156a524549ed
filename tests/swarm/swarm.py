"""Starts and stops a whole swarm, and hands out its members.

    with Swarm(tmp_path, hub=standin.hub_url, nodes=3) as swarm:
        run_client("2.4.0", code, home=tmp_path / "a", endpoint=swarm.nodes[0].proxy_url)

Every member has a folder below ``folder``. A cluster authority is made there and every host gets a
certificate of it, as a real cluster would have; ``secure=False`` leaves that out.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dfinfra.authority import create_ca, issue
from tests.swarm.daemon import Daemon
from tests.swarm.figures import Figures, scrape
from tests.swarm.guard import Guard
from tests.swarm.plan import ADDRESS, Changes, HostPorts, host_config, laid_over
from tests.swarm.ports import free_port


class Host(Daemon):
    """A node or a seed."""

    def __init__(
        self, name: str, module: str, folder: Path, config: Mapping[str, Any], guard: Guard
    ) -> None:
        super().__init__(name, module, folder, config, guard)
        self.proxy_url = f"http://{ADDRESS}:{config['proxy']['tcpListen']['port']}"
        self.admin_url = f"http://{ADDRESS}:{config['admin']['port']}"
        self.vortex_address = (ADDRESS, int(config["upload"]["port"]))
        self.rpc_address = f"{ADDRESS}:{config['upload']['rpcPort']}"
        self.socket = f"unix:{config['download']['socketPath']}"

    @property
    def store(self) -> Path:
        """Folder of the blobs."""
        return Path(self.config["storage"]["dir"])

    def figures(self) -> Figures:
        """What its metrics say now."""
        return scrape(self.admin_url)


class Scheduler(Daemon):
    """A scheduler."""

    def __init__(self, name: str, folder: Path, config: Mapping[str, Any], guard: Guard) -> None:
        super().__init__(name, "scheduler", folder, config, guard)
        self.address = f"{ADDRESS}:{config['server']['port']}"
        self.admin_url = f"http://{ADDRESS}:{config['admin']['port']}"

    def figures(self) -> Figures:
        """What its metrics say now."""
        return scrape(self.admin_url)


class Swarm:
    """``schedulers`` schedulers, ``seeds`` seeds and ``nodes`` nodes.

    ``node``, ``seed`` and ``scheduler`` are changes to their configuration files; a list gives
    each member its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hub: str,
        nodes: int = 3,
        seeds: int = 1,
        schedulers: int = 1,
        secure: bool = True,
        hub_ca: str | None = None,
        node: Changes | list[Changes] | None = None,
        seed: Changes | list[Changes] | None = None,
        scheduler: Changes | list[Changes] | None = None,
    ) -> None:
        self.folder = folder
        self._hub = hub
        self._hub_ca = hub_ca
        self._secure = secure
        self._guard: Guard | None = Guard()
        self.schedulers = [
            self._scheduler(index, _of(scheduler, index)) for index in range(schedulers)
        ]
        self.seeds = [self._host("seed", index, _of(seed, index)) for index in range(seeds)]
        self.nodes = [self._host("node", index, _of(node, index)) for index in range(nodes)]

    @property
    def scheduler(self) -> Scheduler:
        """The first scheduler."""
        return self.schedulers[0]

    @property
    def seed(self) -> Host:
        """The first seed."""
        return self.seeds[0]

    @property
    def members(self) -> list[Daemon]:
        """All processes in the order in which they start."""
        return [*self.schedulers, *self.seeds, *self.nodes]

    def start(self) -> None:
        """Start all and wait until each is ready. What has started is stopped on failure."""
        try:
            for tier in (self.schedulers, self.seeds, self.nodes):
                for daemon in tier:
                    daemon.start()
                for daemon in tier:
                    daemon.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all, nodes first; the guard goes last."""
        if self._guard is None:
            return
        for tier in (self.nodes, self.seeds, self.schedulers):
            for daemon in tier:
                daemon.thaw()
                daemon.ask_to_stop()
            for daemon in tier:
                daemon.wait()
        self._guard.close()
        self._guard = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def add_node(self, **changes: Any) -> Host:
        """One more node, not started yet."""
        node = self._host("node", len(self.nodes), changes)
        self.nodes.append(node)
        return node

    def tails(self, lines: int = 40) -> str:
        """The last words of all members, for a failed test."""
        return "\n".join(text for daemon in self.members if (text := daemon.tail(lines)))

    def collect_logs(self, target: Path) -> None:
        """Copy configuration, output and logs of all members below ``target``."""
        for daemon in self.members:
            for path in (daemon.folder / "config.yaml", daemon.output_file, daemon.log_file):
                if path.exists():
                    kept = target / daemon.name / path.name
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, kept)

    def _scheduler(self, index: int, changes: Changes) -> Scheduler:
        name = f"scheduler-{index + 1}"
        config = {
            "server": {"listenIP": ADDRESS, "port": free_port()},
            "admin": {"port": free_port()},
        }
        assert self._guard is not None
        return Scheduler(name, self.folder / name, laid_over(config, changes), self._guard)

    def _host(self, kind: str, index: int, changes: Changes) -> Host:
        name = f"{kind}-{index + 1}"
        folder = self.folder / name
        security = folder / "security" if self._secure else None
        if security is not None:
            authority = create_ca(self.folder / "ca")
            issue(authority, security, "host", ips=[ADDRESS], dns=[name])
        config = host_config(
            name,
            folder,
            HostPorts.free(),
            schedulers=tuple(scheduler.address for scheduler in self.schedulers),
            hub=self._hub,
            security=security,
            hub_ca=self._hub_ca,
        )
        module = "seedpeer" if kind == "seed" else "dfdaemon"
        assert self._guard is not None
        return Host(name, module, folder, laid_over(config, changes), self._guard)


def _of(changes: Changes | list[Changes] | None, index: int) -> Changes:
    if isinstance(changes, list):
        return changes[index]
    return changes or {}
