"""A host of the cluster that serves garbage: our protocol to the letter, and wrong bytes.

Run as a process by ``RogueProcess``. It has a certificate, tells the scheduler that it holds a blob,
joins whoever joins it, and answers every request for a unit with noise. ``false_digests``: it
announces the digests of its noise; else the true ones, which its bytes do not have.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import grpc

from dfcore import ids
from dfcore.bitmap import Bitmap
from dfcore.digest import unit_digest
from dfcore.pieces import Geometry
from dfdaemon.peerlink.channel import Channel
from dfdaemon.upload.served import ServedTask
from dfdaemon.upload.server import UnitSent, UploadConfig, UploadServer
from dfinfra.authority import Identity, create_ca, issue
from dfinfra.pb import (
    common_pb2,
    meganeura_pb2,
    meganeura_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)
from dfinfra.tls import server_context
from tests.cluster.bed import Blob, wait_until
from tests.swarm.daemon import REPOSITORY
from tests.swarm.plan import ADDRESS
from tests.swarm.ports import free_port
from tests.swarm.swarm import Swarm

NAME = "rogue"


@dataclass(frozen=True)
class Plan:
    """What the process is told. ``holds``: it claims to hold the whole blob from an earlier day."""

    scheduler: str
    security: str
    port: int
    sha256: str
    true_content: str
    false_digests: bool
    holds: bool


class NoiseBlob:
    """A blob whose every unit is there, and noise."""

    def __init__(self, true_content: bytes, *, false_digests: bool) -> None:
        self.geometry = Geometry.for_size(len(true_content))
        noise = Random(1).randbytes(len(true_content))
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._file.write(noise)
        self._file.flush()
        shown = noise if false_digests else true_content
        ranges = map(self.geometry.unit_range, range(self.geometry.unit_count))
        self._digests = [unit_digest(shown[r.start : r.end]) for r in ranges]

    @property
    def held(self) -> Bitmap:
        bitmap = Bitmap(self.geometry.unit_count)
        bitmap.add_all(range(self.geometry.unit_count))
        return bitmap

    def digests(self, unit: int) -> bytes | None:
        return self._digests[unit]

    def fileno(self) -> int:
        return self._file.fileno()

    def pin(self) -> AbstractContextManager[object]:
        return nullcontext()

    def add_listener(self, callback: Callable[[int | None], None]) -> None:
        pass

    def remove_listener(self, callback: Callable[[int | None], None]) -> None:
        pass


class Rogue:
    """The TaskHost of the upload server."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.blob = NoiseBlob(
            Path(plan.true_content).read_bytes(), false_digests=plan.false_digests
        )
        self.task_id = ids.task_id_by_content(f"sha256:{plan.sha256}")
        self.host_id = ids.host_id(ADDRESS, NAME)
        self.peer_id = f"{self.host_id}-{self.task_id[:12]}"

    def lookup(self, task_id: str) -> ServedTask | None:
        return ServedTask(self.blob) if task_id == self.task_id else None

    async def on_control(self, channel: Channel) -> None:
        async for frame in channel.frames():
            if frame.WhichOneof("frame") == "join" and frame.join.task_id == self.task_id:
                channel.send_nowait(meganeura_pb2.Frame(joined=self._joined()))

    def _joined(self) -> meganeura_pb2.Joined:
        geometry = self.blob.geometry
        units = range(geometry.unit_count)
        return meganeura_pb2.Joined(
            task_id=self.task_id,
            peer_id=self.peer_id,
            size_bytes=geometry.size_bytes,
            piece_length=geometry.piece_length,
            unit_length=geometry.unit_length,
            held=self.blob.held.to_bytes(),
            digests=b"".join(self.blob.digests(unit) or b"" for unit in units),
            complete=self.plan.holds,
            digest=f"sha256:{self.plan.sha256}",
        )

    async def run(self) -> None:
        hello = meganeura_pb2.Hello(
            host_id=self.host_id, ip=ADDRESS, port=self.plan.port, version=1, hostname=NAME
        )
        folder = Path(self.plan.security)
        identity = Identity(folder / "host.crt", folder / "host.key", folder / "ca.crt")
        server = UploadServer(
            UploadConfig(host=ADDRESS, port=self.plan.port),
            self,
            hello,
            tls=server_context(identity),
            on_sent=_sent,
        )
        await server.start()
        async with grpc.aio.insecure_channel(self.plan.scheduler) as channel:
            stream = await self._announce(channel)
            print("ready", flush=True)
            # The owner's end of the pipe tells when to go.
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            stream.cancel()
        await server.stop()

    async def _announce(self, channel: grpc.aio.Channel) -> grpc.aio.Call:
        """Tell the scheduler of the host, of the blob, and of a download that gets on well."""
        stub = scheduler_pb2_grpc.SchedulerStub(channel)
        host = common_pb2.Host(
            id=self.host_id,
            hostname=NAME,
            ip=ADDRESS,
            port=self.plan.port,
            download_port=self.plan.port,
            build=common_pb2.Build(platform="meganeura/1"),
        )
        await stub.AnnounceHost(scheduler_pb2.AnnounceHostRequest(host=host))
        held = meganeura_pb2.HeldBlob(
            task_id=self.task_id,
            size_bytes=self.blob.geometry.size_bytes,
            complete=True,
            peer_id=self.peer_id,
        )
        if self.plan.holds:
            extension = meganeura_pb2_grpc.SchedulerExtensionStub(channel)
            await extension.AnnounceBlobs(
                meganeura_pb2.AnnounceBlobsRequest(host_id=self.host_id, blobs=[held], replace=True)
            )
            return stub.AnnouncePeer()
        stream = stub.AnnouncePeer()
        names = {"host_id": self.host_id, "task_id": self.task_id, "peer_id": self.peer_id}
        download = common_pb2.Download(
            url="https://example.com/model",
            digest=f"sha256:{self.plan.sha256}",
            content_for_calculating_task_id=f"sha256:{self.plan.sha256}",
        )
        for said in (
            {"register_peer_request": scheduler_pb2.RegisterPeerRequest(download=download)},
            {"download_peer_started_request": scheduler_pb2.DownloadPeerStartedRequest()},
        ):
            await stream.write(scheduler_pb2.AnnouncePeerRequest(**names, **said))
        return stream


def _sent(sent: UnitSent) -> None:
    print("sent", sent.size_bytes, flush=True)


class RogueProcess:
    """The rogue as a child process of a test."""

    def __init__(
        self, swarm: Swarm, blob: Blob, content: Path, *, false_digests: bool, holds: bool
    ) -> None:
        self.folder = swarm.folder / NAME
        self.folder.mkdir()
        issue(create_ca(swarm.folder / "ca"), self.folder, "host", ips=[ADDRESS], dns=[NAME])
        self._plan = Plan(
            scheduler=swarm.scheduler.address,
            security=str(self.folder),
            port=free_port(),
            sha256=blob.sha256,
            true_content=str(content),
            false_digests=false_digests,
            holds=holds,
        )

    @property
    def told(self) -> str:
        """What it printed."""
        return (self.folder / "output.txt").read_text()

    @property
    def units_sent(self) -> int:
        """How many units it has given away."""
        return self.told.count("sent")

    def __enter__(self) -> Self:
        with (self.folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster.rogue", json.dumps(asdict(self._plan))],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "ready" in self.told or self._process.poll() is not None, "the rogue")
        assert self._process.poll() is None, self.told
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=10)
        assert self._process.returncode == 0, self.told


if __name__ == "__main__":
    asyncio.run(Rogue(Plan(**json.loads(sys.argv[1]))).run())
