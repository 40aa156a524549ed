"""The node's daemon as a command sees it: its unix socket, and what its errors mean.

Used by dfget and by the task commands of dfctl.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc

from dfcore.errors import BadInput, MeganeuraError, Unavailable
from dfdaemon.config import state_dir
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc
from dfinfra.pb import dfdaemon_pb2 as pb
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.errors import CODE_KEY, from_rpc_error

CALL_TIMEOUT_S = 30.0
_MAX_SOCKET_PATH_BYTES = 107

# Where a daemon listens that was told nothing else: this user's, root's, Dragonfly's.
_SYSTEM_SOCKETS = (
    Path("/var/lib/meganeura/daemon/dfdaemon.sock"),
    Path("/var/run/dragonfly/dfdaemon.sock"),
)


class NoDaemon(Unavailable):
    """Nobody listens at the socket."""


def find_socket(given: Path | None) -> Path:
    """The socket that was named, else the first usual one that is there. Raises BadInput."""
    if given is None:
        usual = (state_dir() / "daemon" / "dfdaemon.sock", *_SYSTEM_SOCKETS)
        given = next((path for path in usual if _exists(path)), usual[0])
    # `unix:///run/x.sock` is how Dragonfly's tools write it, too.
    text = str(given)
    path = Path(text.removeprefix("unix:").replace("//", "/", 1)).absolute()
    if len(str(path).encode()) > _MAX_SOCKET_PATH_BYTES:
        raise BadInput(f"--endpoint: {path} is too long for a unix socket")
    return path


def _exists(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:
        return False


class Daemon:
    """An open connection to the node's daemon: an async context manager."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._channels = Channels()

    async def __aenter__(self) -> Self:
        self._stub: Any = dfdaemon_pb2_grpc.DfdaemonDownloadStub(
            self._channels.get(f"unix:{self._path}")
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._channels.close()

    async def call(self, method: str, request: Any) -> Any:
        """Make one call that has one answer; raises what the daemon raised, or NoDaemon."""
        try:
            return await getattr(self._stub, method)(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise self._told(error) from error

    async def download(
        self, download: common_pb2.Download
    ) -> AsyncGenerator[pb.DownloadTaskResponse, None]:
        """The answers of one DownloadTask. Leaving the iteration ends the call."""
        call = self._stub.DownloadTask(pb.DownloadTaskRequest(download=download))
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise self._told(error) from error
        finally:
            call.cancel()

    def _told(self, error: grpc.aio.AioRpcError) -> MeganeuraError:
        trailers: dict[str, object] = dict(cast("Any", error.trailing_metadata() or ()))
        if error.code() is grpc.StatusCode.UNAVAILABLE and CODE_KEY not in trailers:
            return NoDaemon(
                f"no dfdaemon answers at {self._path}: start it, or name its socket by --endpoint"
            )
        return from_rpc_error(error, "dfdaemon")
