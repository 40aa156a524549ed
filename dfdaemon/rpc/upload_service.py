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
from dfcore.errors import Denied
from dfdaemon.rpc.downloads import Downloads
from dfdaemon.rpc.entries import Entries
from dfdaemon.rpc.local_tasks import LocalTasks
from dfdaemon.rpc.messages import task_message, whole_pieces
from dfdaemon.task.registry import TaskRegistry
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc
from dfinfra.pb import dfdaemon_pb2 as pb

HOST_INTERVAL_S = 1.0


class UploadService(dfdaemon_pb2_grpc.DfdaemonUploadServicer):
    """Translates between messages and the registry.

    ``secure``: whoever asks has proved by mutual TLS to belong to the cluster, and may hear of
    restricted blobs.
    """

    def __init__(
        self,
        registry: TaskRegistry,
        downloads: Downloads,
        entries: Entries,
        local: LocalTasks,
        describe_host: Callable[[], common_pb2.Host],
        *,
        secure: bool,
    ) -> None:
        self._registry = registry
        self._downloads = downloads
        self._entries = entries
        self._local = local
        self._describe_host = describe_host
        self._secure = secure

    async def DownloadTask(  # noqa: N802
        self, request: pb.DownloadTaskRequest, context: Any
    ) -> AsyncIterator[pb.DownloadTaskResponse]:
        async for response in self._downloads.run(request.download, local=False):
            yield response

    async def SyncPieces(  # noqa: N802
        self, request: pb.SyncPiecesRequest, context: Any
    ) -> AsyncIterator[pb.SyncPiecesResponse]:
        """Tell which of the interesting pieces are here, and each further one when it is.

        Ends when all were told, or when no download runs that could bring the others.
        """
        wanted = set(request.interested_piece_numbers)
        blob = await self._tellable(request.task_id)
        watch = _Watch(blob, request.task_id, self._registry)
        try:
            while wanted:
                changed = watch.armed()
                running = self._registry.is_running(request.task_id)
                for piece in whole_pieces(blob.held, blob.geometry):
                    if piece in wanted:
                        wanted.discard(piece)
                        yield self._piece(blob, piece)
                if not running:
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

    async def _tellable(self, task_id: str) -> Blob:
        blob = await self._local.blob(task_id)
        if not self._secure and self._registry.is_restricted(task_id):
            raise Denied("a restricted blob travels over mutual TLS only")
        return blob

    async def StatTask(self, request: pb.StatTaskRequest, context: Any) -> common_pb2.Task:  # noqa: N802
        """The task as this host has it."""
        return task_message(request.task_id, await self._tellable(request.task_id))

    async def StatLocalTask(  # noqa: N802
        self, request: pb.StatLocalTaskRequest, context: Any
    ) -> pb.StatLocalTaskResponse:
        await self._tellable(request.task_id)
        return await self._local.stat(request.task_id)

    async def ListTaskEntries(  # noqa: N802
        self, request: pb.ListTaskEntriesRequest, context: Any
    ) -> pb.ListTaskEntriesResponse:
        return await self._entries.list(request)

    async def DeleteTask(self, request: pb.DeleteTaskRequest, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Drop what this host has of the task: a scheduler asks each host in turn."""
        await self._local.delete(request.task_id)
        return empty_pb2.Empty()

    async def SyncHost(  # noqa: N802
        self, request: pb.SyncHostRequest, context: Any
    ) -> AsyncIterator[common_pb2.Host]:
        while True:
            yield self._describe_host()
            await asyncio.sleep(HOST_INTERVAL_S)


class _Watch:
    """Wakes a job of the loop at every unit of the blob, in whatever thread, and at the task's end."""

    def __init__(self, blob: Blob, task_id: str, registry: TaskRegistry) -> None:
        self._blob = blob
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._forget_end = registry.at_end(task_id, self._event.set)
        blob.add_listener(self._committed)

    def armed(self) -> asyncio.Event:
        """An event that the next change sets; take it before looking at what is held."""
        self._event.clear()
        return self._event

    def _committed(self, _: int | None) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    def close(self) -> None:
        self._forget_end()
        self._blob.remove_listener(self._committed)
