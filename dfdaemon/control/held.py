"""Telling Dragonfly's own scheduler that this host holds all of a task.

Such a scheduler has a seed fetch a task that it does not know; a seed that holds it already says so
in this way (dragonflyoss/client, ``download_partial_with_scheduler_from_local``). Ours learn from
AnnounceBlobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import grpc

from dfdaemon.control.saying import say_all, under_way
from dfdaemon.task.spec import TaskSpec
from dfdaemon.task.spec_proto import to_download
from dfinfra.jobs import spawn
from dfinfra.logs import get_logger
from dfinfra.pb import scheduler_pb2 as pb

log = get_logger("scheduler-client")

CALL_TIMEOUT_S = 30.0


async def announce_held(stub: Any, host_id: str, spec: TaskSpec, peer_id: str) -> None:
    """Register the peer for its metadata alone, and finish at once."""
    answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def said(**request: Any) -> pb.AnnouncePeerRequest:
        return pb.AnnouncePeerRequest(
            host_id=host_id, task_id=spec.task_id, peer_id=peer_id, **request
        )

    async def messages() -> AsyncGenerator[pb.AnnouncePeerRequest, None]:
        download = to_download(spec, need_back_to_source=False)
        download.metadata_only = True
        yield said(register_peer_request=pb.RegisterPeerRequest(download=download))
        # One that does not know of metadata alone sends a seed to the origin instead.
        if await answer == "need_back_to_source_response":
            begun = pb.DownloadPeerBackToSourceStartedRequest()
            yield said(download_peer_back_to_source_started_request=begun)
            done = pb.DownloadPeerBackToSourceFinishedRequest()
            yield said(download_peer_back_to_source_finished_request=done)
        else:
            yield said(download_peer_started_request=pb.DownloadPeerStartedRequest())
            yield said(download_peer_finished_request=pb.DownloadPeerFinishedRequest())

    call = stub.AnnouncePeer()
    saying = spawn(say_all(call, messages()), name="tell of a held task")
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await under_way(call)
            async for response in call:
                if not answer.done():
                    answer.set_result(response.WhichOneof("response"))
    except (grpc.aio.AioRpcError, TimeoutError) as error:
        log.info("held task not announced", task=spec.task_id, reason=type(error).__name__)
    finally:
        call.cancel()
        saying.cancel()
