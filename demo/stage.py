"""What happens in the demo, without how it looks: processes, downloads, proof.

``play`` returns a Result; whatever it started has ended by then, also if it is interrupted.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.clients import packages
from tests.clients.run import start_client
from tests.standin.process import StandInProcess
from tests.swarm.daemon import Daemon
from tests.swarm.figures import Traffic
from tests.swarm.guard import Guard
from tests.swarm.plan import ADDRESS
from tests.swarm.ports import free_port
from tests.swarm.swarm import Host, Swarm

REPOSITORY = "demo/all-minilm-l6-v2"
WEIGHTS = "extra/model-large.safetensors"
POLL_S = 0.2
TIMEOUT_S = 900.0
CODE = f'print(snapshot_download("{REPOSITORY}"))'


class Audience(Protocol):
    """Who is told how it goes."""

    def step(self, text: str) -> None:
        """Something that takes a while begins."""

    def downloading(self, total_bytes: int, names: list[str]) -> None:
        """The downloads to these hosts begin, seeds among them."""

    def progress(self, name: str, traffic: Traffic, *, done: bool) -> None:
        """How far a host is."""


@dataclass
class HostResult:
    """What one host did; a seed has no client."""

    name: str
    traffic: Traffic = field(default_factory=Traffic)
    seconds: float | None = None
    verified: bool = False


@dataclass
class Result:
    """How it went."""

    seeds: list[HostResult]
    nodes: list[HostResult]
    total_bytes: int
    origin_bytes: int
    seconds: float
    problems: list[str]

    @property
    def origin_ratio(self) -> float:
        """What the origin sent, as a multiple of the files."""
        return self.origin_bytes / self.total_bytes


@dataclass
class _Download:
    """A client at work."""

    host: Host
    process: subprocess.Popen[str]
    started: float
    result: HostResult


def logs_of_failure(cache: Path) -> Path:
    """Where the logs of the last run that failed lie."""
    return cache / "failed"


def play(folder: Path, cache: Path, size_bytes: int, nodes: int, audience: Audience) -> Result:
    """Serve, start, download, verify, stop. Times are monotonic seconds.

    ``folder`` is for this run alone; in ``cache`` the generated weights are found again.
    """
    audience.step("making the model repository")
    with StandInProcess(cache / "standin") as standin:
        files = {"*": {"directory": str(packages.model_folder())}}
        made = standin.create(REPOSITORY, {**files, WEIGHTS: {"generated": size_bytes}})
        audience.step("starting a manager, a scheduler, a seed and the nodes")
        with (
            _manager(folder) as managed,
            Swarm(
                folder / "swarm",
                hub=standin.hub_url,
                nodes=nodes,
                node=[managed(f"node-{index}") for index in range(nodes)],
                seed=managed("seed"),
                scheduler=managed("scheduler"),
            ) as swarm,
        ):
            result = _download(folder, swarm, standin, made["sizes"], made["sha256"], audience)
            if result.problems:
                shutil.rmtree(logs_of_failure(cache), ignore_errors=True)
                swarm.collect_logs(logs_of_failure(cache))
            return result


@contextmanager
def _manager(folder: Path) -> Iterator[Callable[[str], Mapping[str, Any]]]:
    """A manager; what the configuration of a member says of it, by the member's name."""
    rpc, guard = free_port(), Guard()
    server = {"grpc": {"ip": ADDRESS, "port": rpc}, "rest": {"ip": ADDRESS, "port": free_port()}}
    config = {
        "server": server,
        "admin": {"port": free_port()},
        "stateDir": str(folder / "manager" / "state"),
    }
    daemon = Daemon("manager", "manager", folder / "manager", config, guard)
    daemon.start()
    try:
        daemon.wait_ready()
        told = {"addrs": [f"{ADDRESS}:{rpc}"], "clusterID": 1}
        yield lambda name: {"manager": told | {"copy": str(folder / "manager" / f"{name}.copy")}}
    finally:
        daemon.stop()
        guard.close()


def _download(
    folder: Path,
    swarm: Swarm,
    standin: StandInProcess,
    sizes: Mapping[str, int],
    digests: Mapping[str, str],
    audience: Audience,
) -> Result:
    total_bytes = sum(sizes.values())
    problems: list[str] = []
    audience.downloading(total_bytes, [host.name for host in (*swarm.seeds, *swarm.nodes)])
    standin.reset()
    begun = time.monotonic()
    with _clients(folder, swarm) as downloads:
        _watch(downloads, swarm, audience)
        seconds = time.monotonic() - begun
        audience.step("checking every byte")
        with ThreadPoolExecutor(len(downloads)) as pool:
            for found in pool.map(lambda one: _verify(one, digests), downloads):
                problems.extend(found)
    seeds = [HostResult(seed.name, seed.figures().traffic) for seed in swarm.seeds]
    origin_bytes = sum(standin.counters()["bytes_by_object"].values())
    return Result(
        seeds, [one.result for one in downloads], total_bytes, origin_bytes, seconds, problems
    )


@contextmanager
def _clients(folder: Path, swarm: Swarm) -> Iterator[list[_Download]]:
    """One client per node, all at once; ended when left."""
    downloads = [_start(folder, node) for node in swarm.nodes]
    try:
        yield downloads
    finally:
        for one in downloads:
            one.process.terminate()
            one.process.communicate()


def _start(folder: Path, node: Host) -> _Download:
    process = start_client(
        packages.DEMO_HUB_VERSION,
        CODE,
        home=folder / f"client-{node.name}",
        endpoint=node.proxy_url,
    )
    return _Download(node, process, time.monotonic(), HostResult(node.name))


def _watch(downloads: list[_Download], swarm: Swarm, audience: Audience) -> None:
    """Report until all clients have ended. Raises RuntimeError if that takes too long."""
    deadline = time.monotonic() + TIMEOUT_S
    while any(one.result.seconds is None for one in downloads):
        if time.monotonic() > deadline:
            raise RuntimeError(f"downloads not done after {TIMEOUT_S:g} s\n{swarm.tails()}")
        time.sleep(POLL_S)
        for seed in swarm.seeds:
            audience.progress(seed.name, seed.figures().traffic, done=False)
        for one in downloads:
            if one.result.seconds is None:
                _look(one, audience)


def _look(one: _Download, audience: Audience) -> None:
    ended = one.process.poll() is not None
    if ended:
        one.result.seconds = time.monotonic() - one.started
    one.result.traffic = one.host.figures().traffic
    audience.progress(one.host.name, one.result.traffic, done=ended)


def _verify(one: _Download, digests: Mapping[str, str]) -> list[str]:
    """What is wrong with a node's download, if anything."""
    out, err = one.process.communicate()
    name = one.host.name
    if one.process.returncode != 0:
        said = err.strip().splitlines() or ["nothing"]
        return [f"{name}: the client ended with {one.process.returncode}: {said[-1]}"]
    snapshot = Path(out.strip().splitlines()[-1])
    wrong = [path for path, digest in digests.items() if _sha256(snapshot / path) != digest]
    one.result.verified = not wrong
    return [f"{name}: {path} is not what the origin has" for path in wrong]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
