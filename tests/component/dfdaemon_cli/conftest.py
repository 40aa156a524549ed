"""A node's socket with a fake daemon behind it, a fake scheduler, and a stand-in Hub."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from dfdaemon.cli import partfile
from dfinfra.pb import dfdaemon_pb2_grpc, meganeura_pb2_grpc, scheduler_pb2_grpc
from dfinfra.rpc.server import GrpcServer
from tests.component.dfdaemon_cli.fakes import PIECE, FakeDaemon, FakeExtension, FakeScheduler
from tests.standin import StandIn, fixtures


@pytest.fixture(autouse=True)
def small_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads go on at the pieces of the fake daemon."""
    monkeypatch.setattr(partfile, "MAX_PIECE_LENGTH", PIECE)
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """Short: a unix socket's path has no more than 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="dfget") as folder:
        yield Path(folder) / "d.sock"


@pytest.fixture
async def daemon(socket_path: Path) -> AsyncIterator[FakeDaemon]:
    fake = FakeDaemon()
    register = partial(dfdaemon_pb2_grpc.add_DfdaemonDownloadServicer_to_server, fake)
    server = GrpcServer([f"unix:{socket_path}"], [register], [], grace_s=0.1)
    await server.start()
    yield fake
    await server.stop()


@pytest.fixture
def extension() -> FakeExtension:
    return FakeExtension()


@pytest.fixture
async def scheduler(extension: FakeExtension) -> AsyncIterator[str]:
    """The address of a scheduler."""
    server = GrpcServer(
        ["127.0.0.1:0"],
        [
            partial(scheduler_pb2_grpc.add_SchedulerServicer_to_server, FakeScheduler()),
            partial(meganeura_pb2_grpc.add_SchedulerExtensionServicer_to_server, extension),
        ],
        [],
        grace_s=0.1,
    )
    await server.start()
    yield f"127.0.0.1:{server.port}"
    await server.stop()


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[StandIn]:
    """A Hub with org/tiny and the two tokens."""
    async with StandIn(root=tmp_path / "standin") as running:
        fixtures.tiny(running.state)
        fixtures.tokens(running.state)
        yield running
