"""A manager on one core under 10,000 hosts: ``python -m bench.manager``.

The manager is a process of its own, bound to one core. Every host has a connection of its own
with an open stream, as a node keeps it; some are seeds that keep alive. Meanwhile discovery is
asked as Dragonfly's nodes do (``ListSchedulers``), from one host after the other. Told: the times
of the answers, how long it takes until all hosts have a change of the settings, and the manager's
memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import grpc
import psutil

from dfinfra.jobs import JobGroup
from dfinfra.managerlink import frame
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import manager_pb2_grpc, managerlink_pb2_grpc
from dfinfra.pb import managerlink_pb2 as link

PASSWORD = "a password for the benchmark"
SCHEDULERS, SEEDS = 6, 40
AT_ONCE = 200
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


def ip_of(number: int) -> str:
    """An address for host ``number``."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class Hosts:
    """Simulated hosts in this process, each with a connection of its own."""

    def __init__(self, target: str, first: int, count: int) -> None:
        self._target = target
        self._numbers = range(first, first + count)
        self._jobs = JobGroup("hosts")
        self._places = asyncio.Semaphore(AT_ONCE)
        self.digests: dict[int, str] = {}
        self.changed_at: list[float] = []

    async def open(self) -> None:
        """Have all of them watch; returns when each was told its configuration."""
        for number in self._numbers:
            self._jobs.spawn(self._watch(number), name=f"host {number}", on_error=print)
        while len(self.digests) < len(self._numbers):  # noqa: ASYNC110 - ten thousand of them
            await asyncio.sleep(0.1)

    async def _watch(self, number: int) -> None:
        request = link.WatchRequest(
            source_type=pb.PEER_SOURCE,
            hostname=f"host-{number}",
            ip=ip_of(number),
            port=4000,
            download_port=4005,
        )
        async with self._places:
            channel = grpc.aio.insecure_channel(self._target, options=_OWN_CONNECTION)
            call = managerlink_pb2_grpc.ManagerExtensionStub(channel).Watch(request)
            first = await call.read()
            self._note(number, first)
            port = first.stream_port
            if port:
                await channel.close(None)
                del call, channel  # the connection goes with them
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
                request.known_digest = first.digest
                writer.write(frame(request.SerializeToString()))
        if not port:
            while (told := await call.read()) is not grpc.aio.EOF:
                self._note(number, told)
            raise RuntimeError(f"host {number} was cut off")
        while True:
            size = int.from_bytes(await reader.readexactly(4), "big")
            if size:
                raw = await reader.readexactly(size)
                self._note(number, link.Configuration.FromString(raw))

    def _note(self, number: int, told: link.Configuration) -> None:
        before = self.digests.get(number)
        self.digests[number] = told.digest
        if before is not None and before != told.digest:
            self.changed_at.append(time.time())

    async def aclose(self) -> None:
        await self._jobs.cancel_all()


async def worker(target: str, first: int, count: int) -> None:
    """One process of hosts: says when they are there, and at each line of input what they saw."""
    hosts = Hosts(target, first, count)
    await hosts.open()
    print(json.dumps({"open": count}), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        seen = sorted(hosts.changed_at)
        print(json.dumps({"changed": len(seen), "last": seen[-1] if seen else 0.0}), flush=True)
    await hosts.aclose()


class Manager:
    """The process under test."""

    def __init__(self, folder: Path, database: str, core: int) -> None:
        password = folder / "password"
        password.write_text(PASSWORD)
        self.rest, self.grpc = _free_port(), _free_port()
        keys = {
            "stateDir": folder,
            "server.rest.ip": "127.0.0.1",
            "server.grpc.ip": "127.0.0.1",
            "server.stream.port": _free_port(),
            "admin.port": _free_port(),
            "auth.rootPasswordFile": password,
        }
        command = [sys.executable, "-m", "manager", "--log-dir", str(folder / "log")]
        command += ["--rest-port", str(self.rest), "--grpc-port", str(self.grpc)]
        command += ["--ready-file", str(folder / "ready")]
        if database:
            command += ["--database", database]
        for key, value in keys.items():
            command += ["--set", f"{key}={value}"]
        self.process = subprocess.Popen(command)
        os.sched_setaffinity(self.process.pid, {core})
        while not (folder / "ready").exists():
            if self.process.poll() is not None:
                raise click.ClickException("the manager did not start")
            time.sleep(0.1)
        self._stats = psutil.Process(self.process.pid)

    @property
    def memory_bytes(self) -> int:
        return int(self._stats.memory_info().rss)

    @property
    def cpu_s(self) -> float:
        times = self._stats.cpu_times()
        return float(times.user + times.system)

    def patch(self, settings: dict[str, Any]) -> None:
        """Change the first cluster's settings, by REST."""
        signed_in = self._ask("POST", "/api/v1/users/signin", name="root", password=PASSWORD)
        self._ask("PATCH", "/api/v1/clusters/1", signed_in["token"], peer_cluster_config=settings)

    def _ask(self, method: str, path: str, token: str = "", **body: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rest}{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {token}"} if token else {},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


async def instances(stub: Any, jobs: JobGroup) -> None:
    """Schedulers and seeds that register and keep alive."""

    async def signs(source: Any, name: str, ip: str) -> AsyncIterator[pb.KeepAliveRequest]:
        while True:
            yield pb.KeepAliveRequest(source_type=source, hostname=name, ip=ip, cluster_id=1)
            await asyncio.sleep(5)

    for number in range(SCHEDULERS):
        name, ip = f"scheduler-{number}", ip_of((200 << 16) + number)
        await stub.UpdateScheduler(
            pb.UpdateSchedulerRequest(hostname=name, ip=ip, port=8002, scheduler_cluster_id=1)
        )
        call = stub.KeepAlive(signs(pb.SCHEDULER_SOURCE, name, ip))
        jobs.spawn(_ended(call), name=name)
    for number in range(SEEDS):
        name, ip = f"seed-{number}", ip_of((201 << 16) + number)
        await stub.UpdateSeedPeer(
            pb.UpdateSeedPeerRequest(
                hostname=name,
                ip=ip,
                type="super",
                port=4000,
                download_port=4001,
                seed_peer_cluster_id=1,
            )
        )
        call = stub.KeepAlive(signs(pb.SEED_PEER_SOURCE, name, ip))
        jobs.spawn(_ended(call), name=name)


async def _ended(call: Any) -> None:
    await call


async def discoveries(stub: Any, hosts: int, rate: float, seconds: float) -> list[float]:
    """Ask as hosts do, at an even rate whatever the answers take; the seconds of each answer."""
    took: list[float] = []

    async def ask(number: int) -> None:
        began = time.perf_counter()
        answer = await stub.ListSchedulers(
            pb.ListSchedulersRequest(
                source_type=pb.PEER_SOURCE,
                hostname=f"host-{number}",
                ip=ip_of(number),
                version="bench",
            ),
            timeout=30,
        )
        took.append(time.perf_counter() - began)
        assert len(answer.schedulers) == SCHEDULERS

    async with JobGroup("discovery") as jobs:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            jobs.spawn(ask(random.randrange(hosts)), name="ask")
            await asyncio.sleep(1 / rate)
    return took


async def measure(
    manager: Manager, hosts: int, processes: int, rate: float, seconds: float
) -> dict[str, float]:
    target = f"127.0.0.1:{manager.grpc}"
    figures: dict[str, float] = {"hosts": hosts, "memory before, MiB": manager.memory_bytes / 2**20}
    async with grpc.aio.insecure_channel(target) as channel, JobGroup("bench") as jobs:
        stub = manager_pb2_grpc.ManagerStub(channel)
        await instances(stub, jobs)
        began = time.monotonic()
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.manager",
                "hosts",
                target,
                str(first * hosts // processes),
                str(hosts // processes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for first in range(processes)
        ]
        for one in workers:
            await _line(one)
        figures["all connected, s"] = time.monotonic() - began
        await asyncio.sleep(3)
        figures["memory then, MiB"] = manager.memory_bytes / 2**20
        cpu_s, began = manager.cpu_s, time.monotonic()
        took = sorted(await discoveries(stub, hosts, rate, seconds))
        figures["cores used, asked"] = (manager.cpu_s - cpu_s) / (time.monotonic() - began)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
            at = min(len(took) - 1, int(share * len(took)))
            figures[f"discovery {name}, ms"] = 1000 * took[at]
        figures["discoveries per s"] = len(took) / seconds
        figures["memory after discoveries, MiB"] = manager.memory_bytes / 2**20
        changed = time.time()
        asking = jobs.spawn(discoveries(stub, hosts, rate, 8), name="while changing")
        await asyncio.to_thread(manager.patch, {"load_limit": random.randrange(1, 2000)})
        took = sorted(await asking)
        figures["discovery p99 during a change, ms"] = 1000 * took[int(0.99 * (len(took) - 1))]
        reports = [await _report(one) for one in workers]
        figures["hosts told of a change"] = sum(one["changed"] for one in reports)
        figures["all told after, s"] = max(one["last"] for one in reports) - changed
        await asyncio.sleep(31)  # signs of life are written meanwhile, and memory is handed back
        figures["memory, MiB"] = manager.memory_bytes / 2**20
        for one in workers:
            assert one.stdin is not None
            one.stdin.close()
            await one.wait()
        await jobs.cancel_all()
    return figures


async def _line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def _report(process: asyncio.subprocess.Process) -> Any:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    return await _line(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@click.group(help=__doc__, invoke_without_command=True)
@click.option("--hosts", default=10_000, show_default=True)
@click.option("--processes", default=2, show_default=True, help="That the hosts are spread over.")
@click.option("--rate", default=200.0, show_default=True, help="Discoveries per second.")
@click.option("--seconds", default=15.0, show_default=True)
@click.option("--database", default="", help="URL; else SQLite.")
@click.option("--json", "json_file", type=click.Path(path_type=Path))
@click.pass_context
def main(
    context: click.Context,
    hosts: int,
    processes: int,
    rate: float,
    seconds: float,
    database: str,
    json_file: Path | None,
) -> None:
    _raise_file_limit()
    if context.invoked_subcommand is not None:
        return
    with tempfile.TemporaryDirectory(prefix="meganeura-bench-") as folder:
        manager = Manager(Path(folder), database, core=0)
        try:
            figures = asyncio.run(measure(manager, hosts, processes, rate, seconds))
        finally:
            manager.stop()
    for name, value in figures.items():
        click.echo(f"{name:36} {value:10.4g}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


@main.command("hosts", hidden=True)
@click.argument("target")
@click.argument("first", type=int)
@click.argument("count", type=int)
def hosts_command(target: str, first: int, count: int) -> None:
    asyncio.run(worker(target, first, count))


if __name__ == "__main__":
    main()
