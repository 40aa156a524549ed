"""A daemon and a scheduler that the commands can talk to: real gRPC, no engine behind it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.protobuf import empty_pb2

from dfcore.digest import new_hasher
from dfcore.errors import Denied, MeganeuraError, NotFound
from dfinfra.pb import (
    common_pb2,
    dfdaemon_pb2_grpc,
    meganeura_pb2,
    meganeura_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)
from dfinfra.pb import dfdaemon_pb2 as pb

PIECE = 4
TASK = "a1" * 32
OTHER_TASK = "a2" * 32


@dataclass
class FakeDaemon(dfdaemon_pb2_grpc.DfdaemonDownloadServicer):
    """Serves contents by URL or by name, in pieces of four bytes.

    ``before_piece`` is called with the offset before each piece; what it raises ends the call.
    ``placed_by`` places a file for the daemon; the real one links.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    output_dirs: tuple[Path, ...] = ()
    refusal: MeganeuraError | None = None
    headers: dict[str, str] = field(default_factory=dict)
    before_piece: Callable[[int], None] = lambda offset: None
    order: Callable[[list[int]], list[int]] = lambda offsets: offsets
    store: Path | None = None
    by_path: bool = False
    asked: list[common_pb2.Download] = field(default_factory=list)
    tasks: dict[str, pb.StatLocalTaskResponse] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def hold(self, data: bytes) -> None:
        """Serve these bytes to whoever names them by a digest."""
        for algorithm in ("sha256", "git-sha1"):
            hasher = new_hasher(algorithm, len(data))
            hasher.update(data)
            self.contents[str(hasher.digest())] = data

    async def DownloadTask(
        self, request: Any, context: Any
    ) -> AsyncIterator[pb.DownloadTaskResponse]:
        download = request.download
        self.asked.append(download)
        if self.refusal is not None:
            raise self.refusal
        if download.output_path and not self._may_write(Path(download.output_path)):
            raise Denied("under none of the node's download.outputDirs")
        data = self.contents[self._name(download)]
        started = pb.DownloadTaskStartedResponse(
            content_length=len(data), response_header=self.headers
        )
        yield pb.DownloadTaskResponse(task_id=TASK, download_task_started_response=started)
        first = download.range.start if download.HasField("range") else 0
        for offset in self.order(list(range(first - first % PIECE, len(data), PIECE))):
            self.before_piece(offset)
            yield self._piece(download, data, offset)
        if download.output_path:
            self._place(Path(download.output_path), data)

    def _piece(self, download: Any, data: bytes, offset: int) -> pb.DownloadTaskResponse:
        content = data[offset : offset + PIECE]
        piece = common_pb2.Piece(number=offset // PIECE, offset=offset, length=len(content))
        if download.need_piece_content:
            piece.content = content
        finished = pb.DownloadPieceFinishedResponse(piece=piece)
        return pb.DownloadTaskResponse(download_piece_finished_response=finished)

    def _name(self, download: Any) -> str:
        if self.by_path:
            return urlsplit(download.url).path
        return str(download.content_for_calculating_task_id or download.url)

    def _may_write(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.output_dirs)

    def _place(self, path: Path, data: bytes) -> None:
        if self.store is None:
            path.write_bytes(data)
            return
        blob = self.store / hashlib.sha256(data).hexdigest()
        blob.write_bytes(data)
        path.unlink(missing_ok=True)
        os.link(blob, path)

    async def ListLocalTasks(self, request: Any, context: Any) -> pb.ListLocalTasksResponse:
        return pb.ListLocalTasksResponse(tasks=list(self.tasks.values()))

    async def StatLocalTask(self, request: Any, context: Any) -> pb.StatLocalTaskResponse:
        if request.task_id not in self.tasks:
            raise NotFound(f"this host does not hold task {request.task_id}")
        return self.tasks[request.task_id]

    async def DeleteLocalTask(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self.StatLocalTask(request, context)
        self.deleted.append(f"here {request.task_id}")
        return empty_pb2.Empty()

    async def DeleteTask(self, request: Any, context: Any) -> empty_pb2.Empty:
        self.deleted.append(f"everywhere {request.task_id}")
        return empty_pb2.Empty()

    async def StatTask(self, request: Any, context: Any) -> common_pb2.Task:
        return common_pb2.Task(id=request.task_id, state="Succeeded", peer_count=3)


class FakeScheduler(scheduler_pb2_grpc.SchedulerServicer):
    """Knows a seed and a node."""

    async def ListHosts(self, request: Any, context: Any) -> scheduler_pb2.ListHostsResponse:
        node = common_pb2.Host(id="10.0.0.2-n", type=0, ip="10.0.0.2", port=4000)
        node.network.idc = "north"
        node.build.platform = "meganeura/1"
        seed = common_pb2.Host(id="10.0.0.1-s-seed", type=1, ip="10.0.0.1", port=4000)
        return scheduler_pb2.ListHostsResponse(hosts=[node, seed])


class FakeExtension(meganeura_pb2_grpc.SchedulerExtensionServicer):
    """Knows two peers of one task."""

    def __init__(self) -> None:
        self.asked: list[meganeura_pb2.ListPeersRequest] = []

    async def ListPeers(self, request: Any, context: Any) -> meganeura_pb2.ListPeersResponse:
        self.asked.append(request)
        peers = [
            meganeura_pb2.PeerInfo(peer_id=f"p{n}", task_id=TASK, host_id=f"h{n}", seed=n == 2)
            for n in (1, 2)
        ]
        return meganeura_pb2.ListPeersResponse(peers=peers)

    async def ListTasks(self, request: Any, context: Any) -> meganeura_pb2.ListTasksResponse:
        task = meganeura_pb2.TaskInfo(task_id=TASK, url="http://o/x", size_bytes=5, peer_count=2)
        return meganeura_pb2.ListTasksResponse(tasks=[task])


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


async def command(name: str, *args: object, env: dict[str, str] | None = None) -> Ended:
    """Run dfget or dfctl as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"dfdaemon.cli.{name}",
        *map(str, args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())
