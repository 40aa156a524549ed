"""What one scheduler on one core carries: registers and piece reports, their answer times, memory.

A real scheduler process, and clients in this one: each announces a host and then peers, over gRPC as a
node does.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from statistics import quantiles

import click
import grpc
import psutil

from bench import report
from bench.cli import json_option, measured
from dfinfra.pb import common_pb2 as common
from dfinfra.pb import scheduler_pb2 as pb
from dfinfra.pb import scheduler_pb2_grpc as rpc
from tests.swarm.swarm import Swarm

HOSTS = 200
PIECES = 16
REPORTS = PIECES + 3
"""Messages of one peer: it registers, starts, has its pieces, and is done."""
STREAMS = 64
PACE_REPORTS_S = 5000.0
PACED_S = 10.0


@click.command("scheduler", help="Registers and reports a second on one core, memory per 10,000.")
@click.option("--peers", default=10_000, show_default=True)
@json_option
def command(peers: int, json_file: Path | None) -> None:
    measured(f"scheduler, {peers} peers", json_file, lambda folder: scheduler(folder, peers))


def scheduler(folder: Path, peers: int) -> report.Figures:
    with Swarm(folder, hub="http://hub.invalid", nodes=0, seeds=0) as swarm:
        process = psutil.Process(swarm.scheduler.pid)
        process.cpu_affinity([0])
        os.sched_setaffinity(0, {1} if os.cpu_count() != 1 else {0})
        try:
            return asyncio.run(_load(swarm.scheduler.address, process, peers))
        finally:
            os.sched_setaffinity(0, range(os.cpu_count() or 1))


async def _load(address: str, process: psutil.Process, peers: int) -> report.Figures:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = rpc.SchedulerStub(channel)  # type: ignore[no-untyped-call]
        for index in range(HOSTS):
            await stub.AnnounceHost(_host(index))
        await _worker(stub, iter([peers]), [])
        before, cpu_before = process.memory_info().rss, sum(process.cpu_times()[:2])
        began = time.monotonic()
        queue = iter(range(peers))
        await asyncio.gather(*(_worker(stub, queue, []) for _ in range(STREAMS)))
        took = time.monotonic() - began
        cpu = sum(process.cpu_times()[:2]) - cpu_before
        memory = process.memory_info().rss - before
        waits = await _paced(stub, peers + 1)
    ordered = quantiles(waits, n=100)
    return {
        "peers": peers,
        "reports_s": peers * REPORTS / took,
        "reports_per_cpu_s": peers * REPORTS / cpu,
        "registers_s": peers / took,
        "paced_reports_s": PACE_REPORTS_S,
        "paced_answer_median_ms": ordered[49] * 1e3,
        "paced_answer_p99_ms": ordered[98] * 1e3,
        "memory_mib_per_10000_peers": memory / (1 << 20) * 10_000 / peers,
    }


async def _paced(stub: rpc.SchedulerStub, first: int) -> list[float]:
    """Seconds until a register is answered while so many reports come as it should carry."""
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    period_s = REPORTS / PACE_REPORTS_S
    count = int(PACED_S / period_s)
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for index in range(count):
            await asyncio.sleep(max(0.0, began + index * period_s - loop.time()))
            group.create_task(_worker(stub, iter([first + index]), waits))
    return waits


async def _worker(stub: rpc.SchedulerStub, queue: object, waits: list[float]) -> None:
    """One peer after the other: register, hear the answer, report its pieces, finish."""
    for number in queue:  # type: ignore[attr-defined]
        host, task = 1 + number % (HOSTS - 1), f"{number // 100:064x}"
        call = stub.AnnouncePeer()
        ids = {"host_id": f"host-{host}", "task_id": task, "peer_id": f"peer-{number}"}
        register = pb.RegisterPeerRequest(
            download=common.Download(url=f"http://origin.invalid/{task}", priority=6)
        )
        asked = time.monotonic()
        await call.write(pb.AnnouncePeerRequest(**ids, register_peer_request=register))
        await call.read()
        waits.append(time.monotonic() - asked)
        started = pb.DownloadPeerStartedRequest()
        await call.write(pb.AnnouncePeerRequest(**ids, download_peer_started_request=started))
        for piece in range(PIECES):
            finished = pb.DownloadPieceFinishedRequest(piece=_piece(piece))
            await call.write(
                pb.AnnouncePeerRequest(**ids, download_piece_finished_request=finished)
            )
        done = pb.DownloadPeerFinishedRequest()
        await call.write(pb.AnnouncePeerRequest(**ids, download_peer_finished_request=done))
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass


def _piece(number: int) -> common.Piece:
    length = 4 << 20
    piece = common.Piece(number=number, offset=number * length, length=length, digest="crc32:0")
    piece.cost.FromMilliseconds(100)
    piece.created_at.GetCurrentTime()
    piece.traffic_type = common.REMOTE_PEER
    return piece


def _host(index: int) -> pb.AnnounceHostRequest:
    host = common.Host(
        id=f"host-{index}", hostname=f"host-{index}", ip="127.0.0.1", port=4000, download_port=4005
    )
    host.build.platform = "meganeura/1"
    host.type = 1 if index == 0 else 0
    request = pb.AnnounceHostRequest(host=host)
    request.interval.FromSeconds(300)
    return request
