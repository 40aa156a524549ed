"""Dragonfly's own programs, run beside ours: its scheduler, its manager, its daemon and dfget.

They are looked for in the folder that ``MEGANEURA_DRAGONFLY`` names (README.md tells which). All
listen on loopback only, and keep what they write below the test's folder.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
import yaml

from tests.swarm.daemon import Daemon, DaemonError
from tests.swarm.guard import Guard
from tests.swarm.plan import ADDRESS, laid_over
from tests.swarm.ports import free_port

VARIABLE = "MEGANEURA_DRAGONFLY"
POLL_S = 0.05
PATIENCE_S = 60.0


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips, with the reason, where one of the programs is not there."""
    folder = os.environ.get(VARIABLE)
    missing = [name for name in programs if not folder or not (Path(folder) / name).is_file()]
    where = f"{VARIABLE}={folder}" if folder else f"{VARIABLE} is not set"
    reason = f"no {', '.join(missing)} of Dragonfly: {where} (tests/interop/README.md)"
    return pytest.mark.skipif(bool(missing), reason=reason)


class Foreign(Daemon):
    """One of Dragonfly's servers, ready when ``url`` answers or something listens at ``port``."""

    def __init__(self, name: str, program: str, folder: Path, config: Mapping[str, Any]) -> None:
        self._own_guard = Guard()
        super().__init__(name, program, folder, config, self._own_guard)
        self._program = Path(os.environ[VARIABLE]) / program

    @property
    def log_file(self) -> Path:
        """The newest of its logs."""
        logs = sorted(self.log_dir.rglob("*.log"), key=lambda log: log.stat().st_mtime)
        return logs[-1] if logs else self.log_dir / "none.log"

    def log_text(self) -> str:
        """All of its logs."""
        logs = sorted(self.log_dir.rglob("*.log"))
        return "\n".join(log.read_text(errors="replace") for log in logs)

    def command(self, config: Path) -> Sequence[str]:
        """Its arguments."""
        return ["--config", str(config)]

    def is_ready(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    def start(self) -> None:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.yaml"
        config.write_text(yaml.safe_dump(self.config, sort_keys=False))
        with self.output_file.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._program), *self.command(config)],
                cwd=self.folder,
                env=os.environ | {"HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._own_guard.add(self._process.pid)

    def wait_ready(self, timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if not self.running:
                raise DaemonError(f"{self.name} ended with {self.exit_code}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DaemonError(f"{self.name} is not ready after {timeout_s:g} s\n{self.tail()}")
            time.sleep(POLL_S)

    def __enter__(self) -> Self:
        try:
            self.restart()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._own_guard.close()


class RustDaemon(Foreign):
    """``dfdaemon``, as a node or a seed; it asks a manager for its schedulers, or knows them."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        manager: str = "",
        schedulers: Sequence[str] = (),
        seed: bool = False,
        **changes: Any,
    ) -> None:
        folder.mkdir(parents=True)
        ports = {what: free_port() for what in ("upload", "proxy", "health", "metrics", "stats")}
        listen = {what: {"server": {"ip": ADDRESS, "port": port}} for what, port in ports.items()}
        self.socket_path = folder / "dfdaemon.sock"
        storage = {"ip": ADDRESS, "tcpPort": free_port(), "quicPort": free_port()}
        config: dict[str, Any] = {
            "host": {"hostname": name, "ip": ADDRESS},
            "server": {"pluginDir": str(folder / "plugins"), "cacheDir": str(folder / "cache")},
            "download": {"server": {"socketPath": str(self.socket_path)}},
            "scheduler": {"announceInterval": "2s", "scheduleTimeout": "60s"},
            "seedPeer": {"enable": seed, "type": "super"},
            "dynconfig": {"refreshInterval": "5s"},
            "storage": {"dir": str(folder / "storage"), "server": storage},
            **listen,
        }
        if manager:
            config["manager"] = {"addr": f"http://{manager}"}
        self._dynconfig = folder / "dynconfig.yaml"
        self._dynconfig.write_text(yaml.safe_dump({"scheduler": {"addrs": list(schedulers)}}))
        super().__init__(name, "dfdaemon", folder, laid_over(config, changes))
        self.host_id = f"{ADDRESS}-{name}" + ("-seed" if seed else "")
        self.rpc_address = f"{ADDRESS}:{ports['upload']}"
        self._metrics = f"http://{ADDRESS}:{ports['metrics']}/metrics"
        self._health = f"http://{ADDRESS}:{ports['health']}/healthy"

    def command(self, config: Path) -> Sequence[str]:
        logs = ["--log-dir", str(self.log_dir), "--log-level", "debug"]
        return ["--config", str(config), "--dynconfig", str(self._dynconfig), *logs]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self._health, timeout=2):
                return self.socket_path.exists()
        except OSError:
            return False

    def get(self, url: str, output: Path, *options: str) -> float:
        """``dfget``; how long it took, in seconds. Raises DaemonError with what it said."""
        command = [str(self._program.with_name("dfget")), url, "--output", str(output)]
        command += ["--endpoint", str(self.socket_path), "--no-progress", *options]
        began = time.monotonic()
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        if done.returncode:
            raise DaemonError(f"dfget: {done.stdout}{done.stderr}\n{self.tail()}")
        return time.monotonic() - began

    def traffic(self) -> dict[str, int]:
        """Bytes that it downloaded, by their source: REMOTE_PEER, BACK_TO_SOURCE, LOCAL_PEER."""
        with urllib.request.urlopen(self._metrics, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found: dict[str, int] = {}
        for line in lines:
            name, _, rest = line.partition("{")
            if name == "dragonfly_client_download_traffic":
                labels, _, value = rest.rpartition("}")
                kind = next(p for p in labels.split(",") if p.startswith("type="))
                kind = kind.partition('"')[2].strip('"')
                found[kind] = found.get(kind, 0) + int(float(value))
        return found


class GoScheduler(Foreign):
    """``scheduler``, with a manager or without."""

    def __init__(self, name: str, folder: Path, *, manager: str = "", **changes: Any) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.address = f"{ADDRESS}:{self.port}"
        config: dict[str, Any] = {
            "server": {
                "advertiseIP": ADDRESS,
                "advertisePort": self.port,
                "listenIP": ADDRESS,
                "port": self.port,
                "host": name,
                "logDir": str(folder / "log"),
                "logLevel": "debug",
                "pluginDir": str(folder / "plugins"),
            },
            "dynConfig": {"refreshInterval": "2s"},
            "job": {"enable": False},
            "metrics": {"enable": False},
        }
        if manager:
            keep_alive = {"interval": "1s"}
            config["manager"] = {"addr": manager, "schedulerClusterID": 1, "keepAlive": keep_alive}
        super().__init__(name, "scheduler", folder, laid_over(config, changes))

    def command(self, config: Path) -> Sequence[str]:
        dynconfig = self.folder / "dynconfig.yaml"
        return ["--config", str(config), "--dynconfig", str(dynconfig)]

    def is_ready(self) -> bool:
        return "started grpc server" in self.log_text()


class GoManager(Foreign):
    """``manager``. ``postgres``: the URL of an empty database; ``redis``: its port."""

    def __init__(self, folder: Path, *, postgres: str, redis: int) -> None:
        folder.mkdir(parents=True)
        self.grpc, self.rest = free_port(), free_port()
        url = urlsplit(postgres)
        database = {"user": url.username, "host": url.hostname, "port": url.port}
        # It is not asked for one, but their configuration must have one.
        database |= {"dbname": url.path.strip("/"), "password": "any"}
        config: dict[str, Any] = {
            "server": {
                "logDir": str(folder / "log"),
                "logLevel": "debug",
                "pluginDir": str(folder / "plugins"),
                "grpc": {
                    "advertiseIP": ADDRESS,
                    "listenIP": ADDRESS,
                    "port": {"start": self.grpc, "end": self.grpc},
                },
                "rest": {"addr": f"{ADDRESS}:{self.rest}"},
            },
            "auth": {"jwt": {"realm": "test", "key": "a key of this test"}},
            "database": {
                "type": "postgres",
                "postgres": database | {"sslMode": "disable", "timezone": "UTC", "migrate": True},
                "redis": {"addrs": [f"{ADDRESS}:{redis}"]},
            },
            "metrics": {"enable": False},
        }
        super().__init__("manager-theirs", "manager", folder, config)

    def is_ready(self) -> bool:
        return listens(self.grpc) and listens(self.rest)


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0
