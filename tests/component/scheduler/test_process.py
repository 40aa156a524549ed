"""The scheduler as a process: starts, answers, keeps no secret, stops."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc

from tests.component.scheduler.bed import PATIENCE_S, Daemon


async def until_exists(path: Path, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(30):
        while not path.exists():
            assert process.returncode is None
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(folder: Path, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scheduler", "--port", "0", "--log-dir", str(folder / "log"),
        "--ready-file", str(folder / "ready"), *flags,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await until_exists(folder / "ready", process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listening_port(folder: Path) -> int:
    """The log is written by a thread of its own, so that the line may come after the ready file."""
    log = folder / "log/core.log"
    async with asyncio.timeout(30):
        while True:
            found = re.search(r'"scheduler listens".*"port": (\d+)', log.read_text())
            if found:
                return int(found[1])
            await asyncio.sleep(0.02)


async def test_it_serves_tells_its_metrics_keeps_no_secret_and_stops(
    tmp_path: Path, unused_tcp_port_factory: object
) -> None:
    assert callable(unused_tcp_port_factory)
    admin, pprof = unused_tcp_port_factory(), unused_tcp_port_factory()
    flags = ("--verbose", "--set", f"admin.port={admin}", "--set", f"pprofPort={pprof}")
    async with running(tmp_path, *flags, "--set", "origin.settle=0") as process:
        node = Daemon(await listening_port(tmp_path), "a", own=False)
        try:
            await node.announce()
            talk = node.converse()
            await talk.register(
                url="https://example.com/blob?Signature=s3cretsig",
                request_header={"Authorization": "Bearer s3crettoken"},
            )
            await talk.may_go_to_the_origin()
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{admin}/metrics") as answer:
                    shown = await answer.text()
                async with session.get(f"http://127.0.0.1:{pprof}/healthy") as answer:
                    assert answer.status == 200
            granted = 'meganeura_scheduler_origin_visits_total{granted="true",seed="false"} 1.0'
            assert granted in shown
            process.send_signal(signal.SIGTERM)
            assert await talk.ended() in (
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.CANCELLED,
            )
            async with asyncio.timeout(PATIENCE_S):
                assert await process.wait() == 0
        finally:
            await node.aclose()
    log = (tmp_path / "log/core.log").read_text()
    assert "back to source granted" in log
    assert "s3cret" not in log + shown


async def test_an_occupied_port_is_one_line_and_exit_2(tmp_path: Path) -> None:
    async with running(tmp_path, "--set", "admin.port=0"):
        port = await listening_port(tmp_path)
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scheduler", "--port", str(port), "--log-dir", str(tmp_path),
            "--set", "admin.port=0", stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await second.communicate()
        assert second.returncode == 2
        (line,) = said.decode().splitlines()
        assert f"{port}: Address already in use" in line
