"""An origin, a swarm of real processes, and stubs of their RPC services."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from dfinfra.pb import common_pb2, dfdaemon_pb2, dfdaemon_pb2_grpc, scheduler_pb2_grpc
from tests.e2e.secrets import READER, leaks
from tests.standin.process import StandInProcess
from tests.swarm.swarm import Host, Swarm

MIB = 1 << 20
PATIENCE_S = 60.0
_serial = itertools.count(1)


@dataclass(frozen=True)
class File:
    """What an origin serves: under ``url``, counted there as ``name``."""

    url: str
    name: str
    sha256: str
    size_bytes: int

    @property
    def task_id(self) -> str:
        """Dragonfly's id of the URL without any options (client, id_generator)."""
        return hashlib.sha256(f"{self.url}STANDARD".encode()).hexdigest()


class Bed:
    """What a module of tests works with."""

    def __init__(self, standin: StandInProcess, swarm: Swarm) -> None:
        self.standin = standin
        self.swarm = swarm
        self._granted: list[str] = []

    @property
    def seed(self) -> Host:
        return self.swarm.seed

    @property
    def node(self) -> Host:
        return self.swarm.nodes[0]

    def plain(self, size_bytes: int, *, name: str = "", number: int | None = None) -> File:
        """A file of an ordinary web server; the same name again is new content at its URL."""
        number = next(_serial) if number is None else number
        name = name or f"file-{number}"
        spec = {"generated": size_bytes, "seed": number} if size_bytes else ""
        made = self.standin.call("post", "plain", name=name, file=spec)
        url = f"{self.standin.cdn_url}/plain/{name}"
        return File(url, f"plain/{name}", made["sha256"], size_bytes)

    def model(self, size_bytes: int, *, private: bool = False) -> tuple[str, File]:
        """A repository of the Hub with weights of that size; its id, and the file."""
        number = next(_serial)
        repo = f"org/model-{number}"
        weights = {"generated": size_bytes, "seed": number}
        files = {"config.json": "{}", "sub/vocab.txt": "words\n", "model.safetensors": weights}
        made = self.standin.create(repo, files, private=private)
        if private:
            self._granted.append(repo)
            self.standin.call("post", "token", token=READER, user="reader", granted=self._granted)
        url = f"hf://{repo}/model.safetensors"
        sha256 = made["sha256"]["model.safetensors"]
        return repo, File(url, f"{repo}/model.safetensors", sha256, size_bytes)

    def origin_bytes(self, file: File) -> int:
        return self.standin.bytes_of(file.name)

    def no_secret_is_out(self) -> None:
        found = leaks(self.swarm)
        assert not found, found


@contextmanager
def started(folder: Path, **options: Any) -> Iterator[Bed]:
    """Start an origin and a swarm (the options of ``Swarm``); no secret may be left behind."""
    with StandInProcess(folder / "standin") as standin:
        options.setdefault("hub", standin.hub_url)
        with Swarm(folder / "swarm", **options) as swarm:
            bed = Bed(standin, swarm)
            yield bed
            bed.no_secret_is_out()


@asynccontextmanager
async def channel(target: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(
        target, options=[("grpc.max_receive_message_length", 80 * MIB)]
    ) as opened:
        yield opened


@asynccontextmanager
async def upload(host: Host) -> AsyncIterator[Any]:
    """`DfdaemonUpload` of a host, over TCP."""
    async with channel(host.rpc_address) as opened:
        yield dfdaemon_pb2_grpc.DfdaemonUploadStub(opened)


@asynccontextmanager
async def tool(host: Host) -> AsyncIterator[Any]:
    """`DfdaemonDownload` of a host, over its socket."""
    async with channel(host.socket) as opened:
        yield dfdaemon_pb2_grpc.DfdaemonDownloadStub(opened)


@asynccontextmanager
async def scheduler(address: str) -> AsyncIterator[Any]:
    async with channel(address) as opened:
        yield scheduler_pb2_grpc.SchedulerStub(opened)


@dataclass
class Downloaded:
    """What a DownloadTask told."""

    task_id: str
    peer_id: str
    started: dfdaemon_pb2.DownloadTaskStartedResponse
    pieces: list[common_pb2.Piece]

    @property
    def content(self) -> bytes:
        return b"".join(piece.content for piece in self.pieces)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


async def download(stub: Any, **fields: Any) -> Downloaded:
    """Call DownloadTask with these fields of a Download, to the end."""
    request = dfdaemon_pb2.DownloadTaskRequest(download=common_pb2.Download(**fields))
    told: Downloaded | None = None
    async for response in stub.DownloadTask(request, timeout=PATIENCE_S):
        if response.HasField("download_task_started_response"):
            assert told is None
            started = response.download_task_started_response
            told = Downloaded(response.task_id, response.peer_id, started, [])
        else:
            assert told is not None
            assert response.task_id == told.task_id
            told.pieces.append(response.download_piece_finished_response.piece)
    assert told is not None
    return told


async def failure(call: Any) -> grpc.aio.AioRpcError:
    """The error that a call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call succeeded")
