"""Very many small files, each another one: through seed and node once, and what is left of that.

Every answer is compared with what the origin has. Afterwards the node is looked at: memory, index,
listing, a start with a full store, a start after a crash, and eviction of half of it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import click

from bench import measure, report
from bench.cli import json_option, measured
from bench.nginx import Nginx
from blobstore import BlobStore, DiskConfig, StoreConfig
from dfcore.digest import Digest, unit_digest
from dfcore.pieces import Geometry
from tests.swarm.swarm import Host, Swarm

SIZE_BYTES = 2048
NO_HUB = "http://hub.invalid"
SHOWN = 10
TAKEN_BYTES = 4096  # of the disk, by one file
MIB = 1 << 20
_DFCTL = (sys.executable, "-m", "dfdaemon.cli.dfctl")


@click.command("small-files", help="Very many distinct 2 KiB files through seed and node.")
@click.option("--files", default=100_000, show_default=True)
@click.option("--connections", default=8, show_default=True)
@click.option("--filled", is_flag=True, help="No downloads: look at a node that has them.")
@json_option
def command(files: int, connections: int, filled: bool, json_file: Path | None) -> None:
    measured(
        f"{files} files of 2 KiB",
        json_file,
        lambda folder: (
            full_store(folder, files) if filled else small_files(folder, files, connections)
        ),
    )


def content(number: int) -> bytes:
    """The bytes of a file: no two are alike."""
    return hashlib.shake_128(str(number).encode()).digest(SIZE_BYTES)


def small_files(folder: Path, files: int, connections: int) -> report.Figures:
    """Rates, memory and times; raises RuntimeError on the first wrong byte."""
    root = folder / "origin"
    root.mkdir(parents=True)
    for number in range(files):
        (root / f"{number}.bin").write_bytes(content(number))
    figures: report.Figures = {}
    with (
        Nginx(folder / "nginx", root) as origin,
        Swarm(folder / "swarm", hub=NO_HUB, nodes=1) as swarm,
    ):
        node = swarm.nodes[0]
        hosts = {"scheduler": swarm.scheduler, "seed": swarm.seed, "node": node}
        for name, host in hosts.items():
            figures[f"{name}_rss_before_mib"] = host.figures().rss_bytes / MIB
        clients = _Clients(node.proxy_url, origin.url, files, connections)
        rates = clients.run()
        figures |= {f"cold_files_s_{n}": rate for n, rate in enumerate(rates)}
        figures["cold_files_s"] = len(rates) / sum(1 / rate for rate in rates)
        for name, host in hosts.items():
            figures[f"{name}_cpu_ms_a_file"] = measure.cpu_s([host.pid]) * 1e3 / files
        figures["local_files_s"] = _Clients(
            node.proxy_url, origin.url, files, connections, part=0.1
        ).run()[0]
        for name, host in hosts.items():
            figures[f"{name}_rss_after_mib"] = host.figures().rss_bytes / MIB
        figures |= _kept(node, files)
        _Clients(node.proxy_url, origin.url, files, 4, part=0.01).run()
        local = node.figures().traffic
        if local.origin or local.seed or local.peer:
            raise RuntimeError(f"after the start something was not there any more: {local}")
        figures |= _evicted(node, files)
        for host in hosts.values():
            if '"level": "error"' in host.log_text():
                raise RuntimeError(f"{host.name} met an error:\n{host.tail()}")
    return figures


def full_store(folder: Path, files: int) -> report.Figures:
    """A node whose store was filled beforehand: what it takes to start, list, announce, evict."""
    swarm = Swarm(folder / "swarm", hub=NO_HUB, nodes=1, seeds=0)
    node = swarm.nodes[0]
    began = time.monotonic()
    with BlobStore(StoreConfig((DiskConfig(node.store, free_ratio=0),))) as store:
        for number in range(files):
            data = content(number)
            blob = store.create(hashlib.sha256(data).hexdigest(), Geometry.for_size(len(data)))
            blob.write_at(0, data)
            blob.commit(0, unit_digest(data))
            blob.seal(Digest("sha256", blob.id))
        store.flush()
    figures: report.Figures = {"fill_files_s": files / (time.monotonic() - began)}
    with swarm:
        _until_announced(swarm, files)
        figures["scheduler_rss_mib"] = swarm.scheduler.figures().rss_bytes / MIB
        figures["scheduler_cpu_s"] = measure.cpu_s([swarm.scheduler.pid])
        figures |= _kept(node, files)
        _until_announced(swarm, files)
        figures |= _evicted(node, files)
    return figures


def _until_announced(swarm: Swarm, files: int) -> None:
    deadline = time.monotonic() + 120
    while swarm.scheduler.figures().value("meganeura_scheduler_peers") < files:
        if time.monotonic() > deadline:
            raise RuntimeError("the scheduler has not heard of all blobs")
        time.sleep(0.1)


class _Clients:
    """Kept connections that share one row of files. ``part`` of it is enough for a second look."""

    def __init__(
        self, proxy: str, origin: str, files: int, connections: int, *, part: float = 1.0
    ) -> None:
        self._proxy = urlsplit(proxy).netloc
        self._origin = origin
        self._files = int(files * part)
        self._connections = connections
        self._next = count()
        self._lock = threading.Lock()

    def run(self) -> list[float]:
        """Files a second, a tenth of the row at a time."""
        rates, step = [], max(1, self._files // SHOWN)
        for until in range(step, self._files + 1, step):
            began = time.monotonic()
            with ThreadPoolExecutor(self._connections) as pool:
                try:
                    for job in [pool.submit(self._take, until) for _ in range(self._connections)]:
                        job.result()
                except BaseException:
                    # Ctrl-C, or a wrong byte: the others need not go on to the end of the row.
                    with self._lock:
                        self._next = count(self._files)
                    raise
            rates.append(step / (time.monotonic() - began))
            print(f"{until} files, {rates[-1]:.0f} a second", file=sys.stderr, flush=True)
        return rates

    def _take(self, until: int) -> None:
        name, _, value = measure.SWARM_HEADER.partition(": ")
        client = http.client.HTTPConnection(self._proxy, timeout=120)
        try:
            while (number := self._number(until)) is not None:
                client.request("GET", f"{self._origin}/{number}.bin", headers={name: value})
                answer = client.getresponse()
                body = answer.read()
                if answer.status != 200 or body != content(number):
                    raise RuntimeError(f"file {number} came wrong: {answer.status} {body[:200]!r}")
        finally:
            client.close()

    def _number(self, until: int) -> int | None:
        with self._lock:
            number = next(self._next)
            if number < until:
                return number
            # The next tenth begins with it.
            self._next = count(number)
            return None


def _kept(node: Host, files: int) -> report.Figures:
    """What the node makes of so many: listing, index, starts."""
    figures: report.Figures = {}
    figures["ls_s"] = _timed(lambda: _list(node, files))
    figures["stop_s"] = _timed(node.stop)
    figures["index_mib"] = sum(f.stat().st_size for f in node.store.glob("index.sqlite*")) / MIB
    figures["start_s"] = _timed(node.restart)
    figures["rss_after_start_mib"] = node.figures().rss_bytes / MIB
    node.send(signal.SIGKILL)
    node.wait()
    figures["start_after_kill_s"] = _timed(node.restart)
    return figures


def _list(node: Host, files: int) -> None:
    listed = subprocess.run(
        [*_DFCTL, "task", "ls", "--json", "--endpoint", node.socket.removeprefix("unix:")],
        capture_output=True,
        text=True,
        check=True,
    )
    found = len(json.loads(listed.stdout))
    if found != files:
        raise RuntimeError(f"{found} of {files} tasks are listed")


def _evicted(node: Host, files: int) -> report.Figures:
    """A start with room for half of them: how long it takes to give up the rest."""
    node.stop()
    node.config["storage"] = {**node.config["storage"], "sizeLimit": files // 2 * TAKEN_BYTES}
    node.restart()
    deadline, began = time.monotonic() + 900, None
    while (left := sum(len(names) for _, _, names in os.walk(node.store / "blobs"))) > files // 2:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the store stays above its limit: {left} files")
        if began is None and left < files:
            began = time.monotonic()
        time.sleep(0.2)
    return {"evict_half_s": time.monotonic() - began if began else 0.0}


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
