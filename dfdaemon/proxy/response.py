"""Sends the content of a task to a client: whole or in ranges, from the first verified byte on.

The bytes go from the blob's file to the socket by the kernel, extent by extent as they become
available; headers wait a moment for the first one, so that a failing task can still be told with a
status. The handle is closed when the client has gone. Called by the server with a ``Serve``.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from aiohttp import web
from multidict import CIMultiDict

from dfcore.errors import MeganeuraError, OriginBroken
from dfcore.ranges import ByteRange, format_content_range
from dfdaemon.hub.replies import Answer, Serve
from dfdaemon.proxy.conditional import (
    Part,
    Validators,
    choose_part,
    precondition,
    wanted_range,
)
from dfdaemon.proxy.headers import FINISHED, SERVER_IP, TASK_ID
from dfdaemon.proxy.multipart import Multipart
from dfdaemon.proxy.output import Output
from dfdaemon.proxy.passthrough import StreamedResponse, cut_off
from dfdaemon.proxy.replay import LARGEST_BYTES, Replays
from dfdaemon.task.service import Extent, TaskHandle, TaskService
from dfinfra import jobs
from dfinfra.logs import get_logger

_log = get_logger("proxy")

# A client that waits for a header gives up after about 10 s (huggingface_hub's default), so the
# header must not wait much longer than an error takes to show.
_FIRST_EXTENT_S = 5.0
_DESCRIBING = ("content-type", "content-disposition", "content-language", "cache-control")


class ExtentSender(Protocol):
    """Sends file bytes as part of a prepared response; ``upload.sendfile.Sender`` does."""

    async def send_extent(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        fd: int,
        offset: int,
        length: int,
    ) -> None: ...


class TaskResponder:
    """Opens tasks for requests and streams them. ``server_ip`` goes into the answer's headers."""

    def __init__(
        self,
        tasks: TaskService,
        sender: ExtentSender,
        replays: Replays,
        *,
        server_ip: str = "",
        max_ranges: int = 64,
        first_extent_s: float = _FIRST_EXTENT_S,
    ) -> None:
        self._tasks = tasks
        self._sender = sender
        self._replays = replays
        self._server_ip = server_ip
        self._max_ranges = max_ranges
        self._first_extent_s = first_extent_s

    async def serve(
        self, request: web.BaseRequest, plan: Serve, output: Output | None = None
    ) -> web.StreamResponse:
        """Answer the request. Raises a MeganeuraError while nothing has been sent yet.

        With ``output`` the whole content is first put there.
        """
        validators = Validators(plan.etag, plan.last_modified)
        early = self._without_task(request, plan, validators) if output is None else None
        if early is not None:
            return early
        wanted = None
        if output is None:
            headers = self._believed(request, plan)
            wanted = wanted_range(request.method, headers, plan.spec.size_bytes)
        handle = await self._tasks.open(plan.spec, wanted)
        try:
            if output is not None:
                await handle.finished()
                await output.link(handle)
            return await self._stream(request, plan, handle)
        finally:
            # Also when the client has gone and this job is being cancelled.
            await asyncio.shield(jobs.spawn(handle.aclose(), name="close a reader"))

    def _without_task(
        self, request: web.BaseRequest, plan: Serve, validators: Validators
    ) -> web.StreamResponse | None:
        """The answer if it needs no byte: a condition that fails, a range past the end."""
        size = plan.spec.size_bytes
        if size is not None:
            part = self._choose(request, plan, size, validators)
            status = part.status if not part.ranges else None
        else:
            status = precondition(request.headers, validators)
        if status is None:
            return None
        headers = _with_validators(plan.headers, validators)
        if status == 416:
            headers = [("Content-Range", format_content_range(None, size))]
        return render(Answer(status, headers), request)

    def _choose(
        self, request: web.BaseRequest, plan: Serve, size: int, validators: Validators
    ) -> Part:
        headers = self._believed(request, plan)
        return choose_part(request.method, headers, size, validators, max_ranges=self._max_ranges)

    def _believed(self, request: web.BaseRequest, plan: Serve) -> Mapping[str, str]:
        """The request's headers, without a Range that goes on from bytes that turned out wrong.

        Such a client gets the whole: it begins again (huggingface_hub does), or says that it cannot
        go on; it mixes nothing.
        """
        headers = request.headers
        doubtful_end = self._tasks.doubtful_end(plan.spec.task_id)
        if not doubtful_end or "Range" not in headers:
            return headers
        wanted = wanted_range(request.method, headers, plan.spec.size_bytes)
        if wanted is None or not 0 < wanted.start <= doubtful_end:
            return headers
        return {name: value for name, value in headers.items() if name.lower() != "range"}

    async def _stream(
        self, request: web.BaseRequest, plan: Serve, handle: TaskHandle
    ) -> web.StreamResponse:
        origin = {name.lower(): value for name, value in handle.response_headers.items()}
        validators = Validators(
            plan.etag or origin.get("etag"), plan.last_modified or origin.get("last-modified")
        )
        part = self._choose(request, plan, handle.size_bytes, validators)
        headers = self._headers(plan, handle, origin, validators)
        if not part.ranges:
            if part.status == 416:
                headers["Content-Range"] = format_content_range(None, handle.size_bytes)
            return render(Answer(part.status, list(headers.items())), request)
        if len(part.ranges) > 1:
            return await self._send_several(request, handle, part, headers)
        return await self._send_one(request, handle, part, headers)

    def _headers(
        self,
        plan: Serve,
        handle: TaskHandle,
        origin: Mapping[str, str],
        validators: Validators,
    ) -> CIMultiDict[str]:
        headers = CIMultiDict(_with_validators(plan.headers, validators))
        for name in _DESCRIBING:
            if name in origin and name not in headers:
                headers[name.title()] = origin[name]
        headers.setdefault("Accept-Ranges", "bytes")
        headers[TASK_ID] = handle.task_id
        if self._server_ip:
            headers[SERVER_IP] = self._server_ip
        if handle.was_local:
            headers[FINISHED] = "true"
        return headers

    async def _send_one(
        self, request: web.BaseRequest, handle: TaskHandle, part: Part, headers: CIMultiDict[str]
    ) -> web.StreamResponse:
        (wanted,) = part.ranges
        if part.status == 206:
            headers["Content-Range"] = format_content_range(wanted, handle.size_bytes)
        headers["Content-Length"] = str(wanted.size)
        response = StreamedResponse(status=part.status, headers=headers)
        extents = _Extents(handle, wanted)
        try:
            await extents.await_first(self._first_extent_s)
            await response.prepare(request)
            content = await self._send_extents(request, response, extents)
        finally:
            await extents.aclose()
        await response.write_eof()
        if handle.was_local and request.method == "GET" and len(content) == wanted.size:
            self._replays.keep(request, response, content)
        return response

    async def _send_several(
        self, request: web.BaseRequest, handle: TaskHandle, part: Part, headers: CIMultiDict[str]
    ) -> web.StreamResponse:
        body = Multipart(
            part.ranges, handle.size_bytes, headers.get("Content-Type"), secrets.token_hex(16)
        )
        headers["Content-Type"] = body.header
        headers["Content-Length"] = str(body.length)
        response = StreamedResponse(status=206, headers=headers)
        await response.prepare(request)
        for head, wanted in body.parts():
            await response.write(head)
            extents = _Extents(handle, wanted)
            try:
                await self._send_extents(request, response, extents)
            finally:
                await extents.aclose()
        await response.write(body.tail)
        await response.write_eof()
        return response

    async def _send_extents(
        self, request: web.BaseRequest, response: web.StreamResponse, extents: _Extents
    ) -> bytes:
        """Send every extent. The header is out: what goes wrong now ends the connection.

        Returns the content if it is one small extent.
        """
        content = b""
        try:
            async for extent in extents:
                if extent.length <= LARGEST_BYTES and not content:
                    content = os.pread(extent.fd, extent.length, extent.offset)
                await self._sender.send_extent(
                    request, response, extent.fd, extent.offset, extent.length
                )
        except MeganeuraError as error:
            _log.warning("a download broke off", error=str(error))
            cut_off(request)
            raise ConnectionResetError("the task failed") from error
        except OSError as error:
            cut_off(request)
            raise ConnectionResetError(str(error)) from error
        return content


class _Extents:
    """The extents of a range, the first of which may be awaited beforehand."""

    def __init__(self, handle: TaskHandle, wanted: ByteRange) -> None:
        self._source = handle.extents(wanted)
        self._left = wanted.size
        self._first: asyncio.Task[Extent | None] | None = None

    async def await_first(self, timeout_s: float) -> None:
        """Wait for the first extent, but not for long; raises what the task raises."""
        if not self._left:
            return
        self._first = jobs.spawn(self._next(), name="first extent", on_error=_raised_to_reader)
        done, _ = await asyncio.wait({self._first}, timeout=timeout_s)
        if done:
            self._first.result()

    async def __aiter__(self) -> AsyncIterator[Extent]:
        while self._left:
            if self._first is not None:
                extent = await self._first
                self._first = None
            else:
                extent = await self._next()
            if extent is None or extent.length > self._left:
                raise OriginBroken("the task gave other bytes than it promised")
            self._left -= extent.length
            yield extent

    async def aclose(self) -> None:
        """Let go of the task's readers."""
        if self._first is not None:
            self._first.cancel()
            await asyncio.wait({self._first})
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()

    async def _next(self) -> Extent | None:
        return await anext(self._source, None)


def under_conditions(answer: Answer, request: web.BaseRequest) -> Answer:
    """The answer, or 304 or 412 if a condition of the request says so."""
    if answer.status != 200 or request.method not in ("GET", "HEAD"):
        return answer
    said = {name.lower(): value for name, value in reversed(answer.headers)}
    validators = Validators(said.get("etag"), said.get("last-modified"))
    status = precondition(request.headers, validators)
    return answer if status is None else Answer(status, answer.headers)


def render(answer: Answer, request: web.BaseRequest) -> web.StreamResponse:
    """A small answer as a response of aiohttp."""
    headers = CIMultiDict(answer.headers)
    if answer.length is not None and request.method == "HEAD":
        headers["Content-Length"] = str(answer.length)
        return StreamedResponse(status=answer.status, headers=headers)
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _with_validators(pairs: list[tuple[str, str]], validators: Validators) -> list[tuple[str, str]]:
    names = {name.lower() for name, _ in pairs}
    said = [("ETag", validators.etag), ("Last-Modified", validators.last_modified)]
    return [*pairs, *((k, v) for k, v in said if v and k.lower() not in names)]


def _raised_to_reader(_: BaseException) -> None:
    """Whoever awaits the first extent gets the error."""
