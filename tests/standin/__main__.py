"""Starts the stand-in as a process: `python -m tests.standin --root DIR [--repo SPEC.json]`.

Prints one JSON line with its URLs when it listens; ends on SIGTERM, SIGINT, or when the
parent that holds its standard input closes it (--until-eof).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.standin import fixtures
from tests.standin.admin import load_spec
from tests.standin.settings import Settings
from tests.standin.standin import StandIn


def main() -> int:
    """Parse the command line and serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder for generated files")
    parser.add_argument("--repo", type=Path, action="append", default=[], help="JSON of POST /repo")
    parser.add_argument("--directory", action="append", default=[], metavar="ID=FOLDER")
    parser.add_argument("--tiny", action="store_true", help="serve org/tiny and the test tokens")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    parser.add_argument("--port", action="append", default=[], metavar="hub|cdn|cas|admin=N")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--until-eof", action="store_true")
    asyncio.run(_serve(parser.parse_args()))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    settings = Settings()
    settings.change(**{name: json.loads(value) for name, value in _pairs(options.set)})
    ports = {name: int(value) for name, value in _pairs(options.port)}
    standin = StandIn(settings, root=options.root, tls=options.tls, ports=ports)
    for path in options.repo:
        spec = load_spec(path)
        files = fixtures.files_from_spec(spec.pop("files"), options.root)
        standin.state.create(spec.pop("id"), files, **spec)
    for repo_id, folder in _pairs(options.directory):
        fixtures.directory(standin.state, repo_id, Path(folder))
    if options.tiny:
        fixtures.tiny(standin.state)
        fixtures.tokens(standin.state)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if options.until_eof:
        loop.add_reader(sys.stdin, _end_at_eof, ended)
    async with standin:
        ca_file = str(standin.ca_file) if standin.ca_file else None
        print(json.dumps({**standin.urls, "pid": os.getpid(), "ca": ca_file}), flush=True)
        await ended.wait()


def _end_at_eof(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        ended.set()


def _pairs(values: list[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (text.partition("=") for text in values)]


if __name__ == "__main__":
    raise SystemExit(main())
