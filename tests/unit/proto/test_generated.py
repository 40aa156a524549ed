"""The committed stubs are those of the sources, and ``proto/`` stays a folder of sources."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import grpc

ROOT = Path(__file__).parents[3]


def test_committed_stubs_are_those_of_the_sources(tmp_path: Path) -> None:
    subprocess.run(
        [str(ROOT / "proto" / "generate"), str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHON": sys.executable},
    )
    fresh = {p.name: p.read_text() for p in (tmp_path / "dfinfra" / "pb").iterdir()}
    committed = {
        p.name: p.read_text() for p in (ROOT / "dfinfra" / "pb").glob("*_pb2*") if p.is_file()
    }
    assert committed == fresh, "run proto/generate and commit what it writes"


def test_proto_holds_no_python() -> None:
    # PyPI's proto-plus owns the import name `proto`.
    assert not [p for p in (ROOT / "proto").rglob("*") if p.suffix in (".py", ".pyi")]


async def test_stubs_work_with_the_asyncio_api() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        for module, stub in [
            ("scheduler", "SchedulerStub"),
            ("dfdaemon", "DfdaemonUploadStub"),
            ("dfdaemon", "DfdaemonDownloadStub"),
            ("manager", "ManagerStub"),
            ("meganeura", "SchedulerExtensionStub"),
        ]:
            getattr(importlib.import_module(f"dfinfra.pb.{module}_pb2_grpc"), stub)(channel)
