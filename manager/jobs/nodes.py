"""Asks nodes to bring, tell of and drop content: Dragonfly's ``DfdaemonUpload``.

With a certificate of the cluster over its TLS, at the Vortex port of our nodes; in the clear at the
peer gRPC port of all others, and then without credentials.

What a node answers to DownloadTask is a stream of finished pieces, which is the progress of a step. Its
end means that all is verified and kept. A repeated call for what is held is answered at once, so a step
may be done again after a crash without harm.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import grpc

from dfcore.errors import Denied, MeganeuraError, NotFound, Unavailable
from dfinfra.pb import common_pb2, dfdaemon_pb2, dfdaemon_pb2_grpc
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.errors import from_rpc_error
from manager.jobs.files import Access, PlannedFile
from manager.jobs.hosts import JobHost
from manager.jobs.spec import PreheatSpec

_CALL_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 10.0

Tell = Callable[[int, int | None], None]
"""Told (bytes so far, size) as they grow."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that a node has now."""

    task_id: str
    size_bytes: int
    was_there: bool


class Nodes:
    """The nodes' gRPC: ``secure`` channels where they can be had, if the manager has a certificate.

    ``in_clear``: credentials may be sent also where they cannot.
    """

    def __init__(self, channels: Channels, secure: Channels | None, *, in_clear: bool) -> None:
        self._channels = channels
        self._secure = secure
        self._in_clear = in_clear

    async def bring(
        self, host: JobHost, file: PlannedFile, access: Access, spec: PreheatSpec, tell: Tell
    ) -> Brought:
        """Have the node download a file; returns when all of it is there. Raises MeganeuraErrors."""
        stub = await self._stub(host, secret=access.secret)
        request = dfdaemon_pb2.DownloadTaskRequest(download=download_message(file, access, spec))
        task_id, size_bytes, done_bytes, was_there = "", 0, 0, False
        try:
            async for answer in stub.DownloadTask(request, timeout=spec.timeout_s):
                task_id = answer.task_id
                if answer.HasField("download_task_started_response"):
                    started = answer.download_task_started_response
                    size_bytes, was_there = started.content_length, started.is_finished
                    if was_there:
                        done_bytes = size_bytes
                elif not was_there:
                    done_bytes += answer.download_piece_finished_response.piece.length
                tell(min(done_bytes, size_bytes), size_bytes)
        except grpc.aio.AioRpcError as error:
            raise _told(error, host) from error
        return Brought(task_id, size_bytes, was_there)

    async def stat(self, host: JobHost, task_id: str) -> common_pb2.Task | None:
        """What the node has of a task; None if nothing."""
        request = dfdaemon_pb2.StatTaskRequest(task_id=task_id)
        stub = await self._stub(host)
        try:
            task: common_pb2.Task = await stub.StatTask(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            told = _told(error, host)
            if isinstance(told, NotFound):
                return None
            raise told from error
        return task

    async def delete(self, host: JobHost, task_id: str) -> bool:
        """Have the node drop a task. False if it did not have it."""
        request = dfdaemon_pb2.DeleteTaskRequest(task_id=task_id)
        stub = await self._stub(host)
        try:
            await stub.DeleteTask(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            told = _told(error, host)
            if isinstance(told, NotFound):
                return False
            raise told from error
        return True

    async def _stub(
        self, host: JobHost, *, secret: bool = False
    ) -> dfdaemon_pb2_grpc.DfdaemonUploadStub:
        """The node's gRPC. Raises Denied or Unavailable if a ``secret`` would not be safe on the way."""
        if self._secure is not None and host.secure_address:
            channel = self._secure.get(host.secure_address)
            if await _connects(channel):
                return dfdaemon_pb2_grpc.DfdaemonUploadStub(channel)
        if secret and not self._in_clear and not _is_loopback(host.ip):
            self._refuse(host)
        return dfdaemon_pb2_grpc.DfdaemonUploadStub(self._channels.get(host.address))

    def _refuse(self, host: JobHost) -> NoReturn:
        if self._secure is not None:
            raise Unavailable(
                f"{host.hostname} takes no TLS of the cluster at {host.secure_address or 'any port'}; "
                "credentials are not sent unencrypted (jobs.credentialsInClear allows it)"
            )
        raise Denied(
            "credentials would be sent unencrypted to the node: give the manager a certificate of the "
            "cluster (security.dir), or allow it by jobs.credentialsInClear"
        )


def download_message(file: PlannedFile, access: Access, spec: PreheatSpec) -> common_pb2.Download:
    """What a node is told of a file. It keeps the content and sends none back."""
    names = access.filtered_query_params if access.filtered_query_params else ()
    message = common_pb2.Download(
        url=access.url,
        type=common_pb2.STANDARD,
        priority=common_pb2.Priority.Name(spec.priority),
        filtered_query_params=(*spec.filtered_query_params, *names),
        request_header=dict(access.headers),
        need_piece_content=False,
    )
    message.timeout.FromMilliseconds(int(spec.timeout_s * 1000))
    if file.digest:
        message.digest = file.digest
    if file.content:
        message.content_for_calculating_task_id = file.content
    if file.size_bytes is not None:
        message.actual_content_length = file.size_bytes
    if file.revision and access.url.startswith("hf://"):
        message.hugging_face.revision = file.revision
        if access.token:
            message.hugging_face.token = access.token
    elif access.token:
        message.request_header["Authorization"] = f"Bearer {access.token}"
    if file.object_store:
        message.object_storage.SetInParent()
    if spec.tag:
        message.tag = spec.tag
    if spec.application:
        message.application = spec.application
    if spec.piece_length is not None:
        message.piece_length = spec.piece_length
    return message


async def _connects(channel: grpc.aio.Channel) -> bool:
    """Whether the channel is up, or comes up at the first try."""
    state = channel.get_state(try_to_connect=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    return state is grpc.ChannelConnectivity.READY


def _told(error: grpc.aio.AioRpcError, host: JobHost) -> MeganeuraError:
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return MeganeuraError(f"{host.hostname}: this node cannot be asked for that")
    return from_rpc_error(error, host.hostname or host.address)


def _is_loopback(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False
