"""``dfdaemon.v2.DfdaemonUpload``: what peers and schedulers ask of this host over TCP.

A plain Dragonfly peer that was named this host as a parent learns its pieces here; a plain scheduler
triggers a seed here. RPCs of other task families answer UNIMPLEMENTED.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from google.protobuf import empty_pb2

from blobstore.blob import Blob
from dfcore.errors import Denied, NotFound
from dfdaemon.rpc.downloads import Downloads
from dfdaemon.rpc.messages import stat_local, task_message, whole_pieces
from dfdaemon.task.registry import TaskRegistry
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc
from dfinfra.pb import dfdaemon_pb2 as pb

HOST_INTERVAL_S = 1.0


class UploadService(dfdaemon_pb2_grpc.DfdaemonUploadServicer):
    """Translates between messages and the registry."""

    def __init__(
        self,
        registry: TaskRegistry,
        downloads: Downloads,
        describe_host: Callable[[], common_pb2.Host],
        disk: Pool,
    ) -> None:
        self._registry = registry
        self._downloads = downloads
        self._describe_host = describe_host
        self._disk = disk

    async def DownloadTask(  # noqa: N802
        self, request: pb.DownloadTaskRequest, context: Any
    ) -> AsyncIterator[pb.DownloadTaskResponse]:
        async for response in self._downloads.run(request.download, may_write=False):
            yield response

    async def SyncPieces(  # noqa: N802
        self, request: pb.SyncPiecesRequest, context: Any
    ) -> AsyncIterator[pb.SyncPiecesResponse]:
        wanted = set(request.interested_piece_numbers)
        blob = self._public_blob(request.task_id)
        watch = _UnitWatch(blob)
        try:
            while wanted:
                changed = watch.armed()
                for piece in whole_pieces(blob.held, blob.geometry):
                    if piece in wanted:
                        wanted.discard(piece)
                        yield self._piece(blob, piece)
                if not wanted or blob.complete or not self._registry.is_running(request.task_id):
                    return
                await changed.wait()
        finally:
            watch.close()

    def _piece(self, blob: Blob, piece: int) -> pb.SyncPiecesResponse:
        host = self._registry.parts.host
        span = blob.geometry.piece_range(piece)
        return pb.SyncPiecesResponse(
            number=piece,
            offset=span.start,
            length=span.size,
            ip=host.ip,
            tcp_port=host.vortex_port,
        )

    def _public_blob(self, task_id: str) -> Blob:
        served = self._registry.blob(task_id)
        if served is None:
            raise NotFound(f"this host does not hold task {task_id}")
        if served.meta.restricted:
            raise Denied("a restricted blob travels over mutual TLS only")
        return served

    async def StatTask(self, request: pb.StatTaskRequest, context: Any) -> common_pb2.Task:  # noqa: N802
        return task_message(self._public_blob(request.task_id))

    async def StatLocalTask(  # noqa: N802
        self, request: pb.StatLocalTaskRequest, context: Any
    ) -> pb.StatLocalTaskResponse:
        return await self._disk.run(stat_local, self._registry, request.task_id)

    async def DeleteTask(self, request: pb.DeleteTaskRequest, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self._registry.delete(request.task_id)
        return empty_pb2.Empty()

    async def SyncHost(  # noqa: N802
        self, request: pb.SyncHostRequest, context: Any
    ) -> AsyncIterator[common_pb2.Host]:
        while True:
            yield self._describe_host()
            await asyncio.sleep(HOST_INTERVAL_S)


class _UnitWatch:
    """Wakes a job of the loop whenever a unit of the blob is committed, in whatever thread."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        blob.add_listener(self._committed)

    def armed(self) -> asyncio.Event:
        """An event that is set by the next unit; take it before looking at what is held."""
        self._event.clear()
        return self._event

    def _committed(self, _: int | None) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    def close(self) -> None:
        self._blob.remove_listener(self._committed)
