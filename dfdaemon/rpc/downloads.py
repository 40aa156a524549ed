"""DownloadTask, the same on both services: open the task, tell its pieces, place the file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from dfcore.errors import BadInput, Denied
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfdaemon.rpc.messages import piece_message, wanted_range
from dfdaemon.task.parts import HostIdentity
from dfdaemon.task.service import Extent, TaskHandle, TaskService
from dfdaemon.task.spec_proto import from_download
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2
from dfinfra.pb import dfdaemon_pb2 as pb


class Downloads:
    """Serves DownloadTask from the task engine. ``output_dirs`` is where files may be placed."""

    def __init__(
        self, tasks: TaskService, host: HostIdentity, disk: Pool, output_dirs: Sequence[Path]
    ) -> None:
        self._tasks = tasks
        self._host = host
        self._disk = disk
        self._output_dirs = tuple(path.resolve() for path in output_dirs)

    async def run(
        self, download: common_pb2.Download, *, may_write: bool
    ) -> AsyncIterator[pb.DownloadTaskResponse]:
        """Answer one DownloadTask: first what the content is, then each piece when it is here."""
        output = self._output(download, may_write=may_write)
        wanted = wanted_range(download)
        handle = await self._tasks.open(from_download(download), wanted)
        try:
            geometry = Geometry.for_size(handle.size_bytes, download.piece_length or None)
            whole = ByteRange(0, handle.size_bytes)
            span = (wanted.intersect(whole) or ByteRange(0, 0)) if wanted else whole
            yield self._started(handle, download)
            for piece in _pieces_of(geometry, span):
                message = piece_message(piece, geometry)
                content = await _content(handle, geometry.piece_range(piece), self._disk, download)
                if content is not None:
                    message.content = content
                response = self._response(handle)
                response.download_piece_finished_response.piece.CopyFrom(message)
                yield response
            if output is not None:
                await handle.finished()
                await self._disk.run(_place, handle, output, overwrite=download.overwrite)
        finally:
            await handle.aclose()

    def _response(self, handle: TaskHandle) -> pb.DownloadTaskResponse:
        return pb.DownloadTaskResponse(
            host_id=self._host.host_id, task_id=handle.task_id, peer_id=handle.peer_id
        )

    def _started(
        self, handle: TaskHandle, download: common_pb2.Download
    ) -> pb.DownloadTaskResponse:
        response = self._response(handle)
        started = response.download_task_started_response
        started.content_length = handle.size_bytes
        started.response_header.update(handle.response_headers)
        started.is_finished = handle.was_local
        if download.HasField("range"):
            started.range.CopyFrom(download.range)
        return response

    def _output(self, download: common_pb2.Download, *, may_write: bool) -> Path | None:
        if not download.output_path:
            return None
        if not may_write:
            raise Denied("an output path is taken over the node's own socket only")
        path = Path(download.output_path)
        if not path.is_absolute():
            raise BadInput("output_path must be absolute")
        if download.HasField("range"):
            raise BadInput("output_path cannot go with a range")
        real = path.parent.resolve() / path.name
        if not any(real.is_relative_to(folder) for folder in self._output_dirs):
            raise Denied(f"{path} is under none of the node's download.outputDirs")
        return real


def _pieces_of(geometry: Geometry, span: ByteRange) -> range:
    if not span.size:
        return range(0)
    units = geometry.units_of(span)
    return range(geometry.piece_of_unit(units[0]), geometry.piece_of_unit(units[-1]) + 1)


async def _content(
    handle: TaskHandle, span: ByteRange, disk: Pool, download: common_pb2.Download
) -> bytes | None:
    """Wait for the piece; its bytes if they were asked for."""
    parts: list[bytes] = []
    async for extent in handle.extents(span):
        if download.need_piece_content:
            parts.append(await disk.run(_read, extent))
    return b"".join(parts) if download.need_piece_content else None


def _read(extent: Extent) -> bytes:
    return os.pread(extent.fd, extent.length, extent.offset)


def _place(handle: TaskHandle, path: Path, *, overwrite: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle.link_to(path, overwrite=overwrite)
