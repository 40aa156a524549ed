"""A process for the lifecycle tests: says on stdout what it does, in order.

Run as ``python -m tests.component.dfinfra.process <scenario> [argument]``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from dfcore.errors import ConfigError
from dfinfra import jobs, lifecycle, logs
from dfinfra.http import HttpServer
from dfinfra.rpc.server import GrpcServer


def say(text: str) -> None:
    print(text, flush=True)


class Part:
    """Tells when it starts and stops; may be slow or crash."""

    def __init__(self, name: str, *, hangs: bool = False, crashes: bool = False) -> None:
        self.name = name
        self._hangs = hangs
        self._crashes = crashes

    async def start(self) -> None:
        if self._crashes:
            jobs.spawn(self._crash(), name="engine", vital=True)
        say(f"start {self.name}")

    async def stop(self) -> None:
        say(f"stop {self.name}")
        if self._hangs:
            await asyncio.Event().wait()

    async def _crash(self) -> None:
        raise RuntimeError("engine lost, hf_AbCdEfGhIjKlMnOpQrStUvWxYz")


class HangingStart(Part):
    """Never gets up."""

    async def start(self) -> None:
        say(f"start {self.name}")
        await asyncio.Event().wait()


def parts(scenario: str, argument: str) -> list[lifecycle.Service]:
    a, b = Part("a"), Part("b")
    if scenario == "hang":
        return [a, Part("h", hangs=True), b]
    if scenario == "crash":
        return [a, b, Part("c", crashes=True)]
    if scenario == "slow-start":
        return [a, HangingStart("s"), b]
    if scenario == "http":
        return [a, HttpServer("http", web.Application(), "127.0.0.1", int(argument))]
    if scenario == "grpc":
        return [a, GrpcServer([f"127.0.0.1:{argument}"], [], [])]
    return [a, b]


def main() -> int:
    scenario, argument = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    if scenario == "bad-config":
        raise ConfigError("proxy.prot: unknown key,\nnearest is 'port'")
    if scenario == "bug":
        raise RuntimeError("oh, token=abcdefghijkl")
    pipeline = logs.setup("test", None, "error")
    grace_s = 0.3 if scenario == "hang" and argument != "long" else 30.0
    ready_file = Path(argument) if scenario == "ready-file" else None

    async def run() -> int:
        return await lifecycle.run(
            parts(scenario, argument),
            grace_s=grace_s,
            on_ready=lambda: say("ready"),
            ready_file=ready_file,
        )

    try:
        return lifecycle.run_loop(run, loop="asyncio" if scenario == "asyncio" else "uvloop")
    finally:
        pipeline.close()


if __name__ == "__main__":
    sys.exit(lifecycle.main_guard(main, prog="thing"))
