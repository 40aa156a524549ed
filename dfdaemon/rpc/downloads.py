"""DownloadTask, the same on both services: ask the origin, open the task, tell its pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from dfcore.errors import Denied
from dfcore.pieces import MAX_PIECE_LENGTH, Geometry
from dfcore.ranges import ByteRange, parse_range_header
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.rpc.origins import Origins
from dfdaemon.rpc.output import Outputs
from dfdaemon.rpc.pieces import PieceTeller, until
from dfdaemon.task.registry import TaskRegistry
from dfdaemon.task.service import TaskHandle
from dfdaemon.task.spec import TaskSpec
from dfinfra.jobs import JobGroup
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2
from dfinfra.pb import dfdaemon_pb2 as pb

_LONGEST_S = 24 * 3600.0
PLACE_HEADER = "x-meganeura-blob-path"


class Downloads:
    """Serves DownloadTask from the task engine."""

    def __init__(
        self,
        registry: TaskRegistry,
        origins: Origins,
        outputs: Outputs,
        scheduler: SchedulerClient,
        disk: Pool,
    ) -> None:
        self._registry = registry
        self._origins = origins
        self._outputs = outputs
        self._scheduler = scheduler
        self._disk = disk
        self._jobs = JobGroup("downloads")

    async def aclose(self) -> None:
        """Leave what runs for nobody."""
        await self._jobs.cancel_all()

    async def run(
        self, download: common_pb2.Download, *, local: bool
    ) -> AsyncIterator[pb.DownloadTaskResponse]:
        """Answer one DownloadTask: first what the content is, then each piece when it is here.

        ``local`` requests come over the node's own socket: they may have files placed, and restricted
        bytes, which leave to other hosts over mutual TLS alone. The others are a scheduler's triggers.
        """
        deadline = _deadline(download)
        output = self._outputs.place_for(download, local=local)
        async with until(deadline):
            wanted = await self._origins.wanted(download, by_digest=local)
            spec = wanted.spec
            if not wanted.vouched and self._registry.is_closed_to(spec):
                raise Denied("what is held under this name is not everybody's: give it no name")
            span = asked_range(download, spec)
            handle = await self._registry.open(spec, _whole_pieces(span, spec))
        try:
            self._check_way(spec, download, local=local)
            async with until(deadline):
                await self._outputs.check_digest(handle, spec)
            yield self._started(handle, span, {**wanted.headers, **self._place(handle, local)})
            if not local and handle.was_local:
                held = replace(spec, size_bytes=handle.size_bytes)
                self._jobs.spawn(self._scheduler.announce_held(held, handle.peer_id), name="held")
            if span is not None and download.prefetch:
                self._jobs.spawn(self._prefetch(spec), name=f"prefetch {spec.task_id[:12]}")
            teller = PieceTeller(handle, spec, download, self._disk)
            async for piece in teller.pieces(span, deadline):
                response = self._response(handle)
                response.download_piece_finished_response.piece.CopyFrom(piece)
                yield response
            if span is None:
                # The end of the answers means that all of it is verified and kept.
                async with until(deadline):
                    await handle.finished()
            if output is not None:
                await self._disk.run(output.put, handle)
        finally:
            await handle.aclose()

    def _check_way(self, spec: TaskSpec, download: common_pb2.Download, *, local: bool) -> None:
        leaves = not local and download.need_piece_content
        if leaves and self._registry.is_restricted(spec.task_id):
            raise Denied("a restricted blob travels over mutual TLS only")

    def _response(self, handle: TaskHandle) -> pb.DownloadTaskResponse:
        host_id = self._registry.parts.host.host_id
        return pb.DownloadTaskResponse(
            host_id=host_id, task_id=handle.task_id, peer_id=handle.peer_id
        )

    def _place(self, handle: TaskHandle, local: bool) -> Mapping[str, str]:
        """Where the bytes are, for a reader on this node that has the right to read the file."""
        blob = self._registry.blob(handle.task_id) if local else None
        return {} if blob is None else {PLACE_HEADER: str(blob.path)}

    def _started(
        self, handle: TaskHandle, span: ByteRange | None, headers: Mapping[str, str]
    ) -> pb.DownloadTaskResponse:
        response = self._response(handle)
        started = response.download_task_started_response
        started.content_length = handle.size_bytes
        kept = {name.lower(): value for name, value in handle.response_headers.items()}
        started.response_header.update({**kept, **headers})
        started.is_finished = handle.was_local
        if span is not None:
            started.range.start, started.range.length = span.start, span.size
        return response

    async def _prefetch(self, spec: TaskSpec) -> None:
        """Bring the rest, too: whoever reads a part of a model will want it."""
        handle = await self._registry.open(spec)
        try:
            await handle.finished()
        finally:
            await handle.aclose()


def asked_range(download: common_pb2.Download, spec: TaskSpec) -> ByteRange | None:
    """The bytes that a Download asks for, by its own field or by its Range header; None is all."""
    size_bytes = spec.size_bytes
    if download.HasField("range") and download.range.length:
        start, end = download.range.start, download.range.start + download.range.length
        if size_bytes is None:
            return ByteRange(start, end)
        header = f"bytes={start}-{end - 1}"
    else:
        header = next((v for k, v in download.request_header.items() if k.lower() == "range"), "")
    if not header or not size_bytes:
        return None
    spans = parse_range_header(header, size_bytes)
    return spans[0] if spans else None


def _whole_pieces(span: ByteRange | None, spec: TaskSpec) -> ByteRange | None:
    """The pieces that hold the range: what is told of are pieces."""
    if span is None:
        return None
    length = spec.piece_length or MAX_PIECE_LENGTH  # which holds whole pieces of any length
    if spec.size_bytes is not None:
        length = Geometry.for_size(spec.size_bytes, spec.piece_length).piece_length
    return ByteRange(span.start // length * length, -(-span.end // length) * length)


def _deadline(download: common_pb2.Download) -> float:
    """The loop's time by which it must be done."""
    asked_s = download.timeout.seconds + download.timeout.nanos / 1e9
    return asyncio.get_running_loop().time() + min(asked_s or _LONGEST_S, _LONGEST_S)
