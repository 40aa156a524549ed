"""Sends a Reply: HEAD, ranges, gzip, the faults that hit bodies, and the count of bytes.

Files go out by sendfile, so that the stand-in is not what a measurement measures.
"""

from __future__ import annotations

import asyncio
import gzip
import secrets
from dataclasses import dataclass, field

from aiohttp import web

from tests.standin import ranges
from tests.standin.content import Content
from tests.standin.counters import Counters, Record
from tests.standin.faults import Plan
from tests.standin.reply import Reply

SENDFILE_BYTES = 8 << 20
WRITE_BYTES = 1 << 20

Part = bytes | ranges.Span


class _CutError(Exception):
    """The fault `cut` struck: the connection is closed already."""


@dataclass
class _Shape:
    """What goes on the wire: head, and parts that are literal bytes or spans of the content."""

    status: int
    headers: dict[str, str]
    content: Content
    parts: list[Part] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(len(p) if isinstance(p, bytes) else p[1] - p[0] for p in self.parts)


async def send(
    request: web.Request, reply: Reply, record: Record, plan: Plan, counters: Counters
) -> web.StreamResponse:
    """Send `reply` and count what left; a client that goes away is not an error."""
    shape = _shape(request, reply, plan)
    response = web.StreamResponse(status=shape.status, headers=shape.headers)
    if reply.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        shape.parts = [gzip.compress(shape.content.read(0, shape.content.size), mtime=0)]
        response.enable_chunked_encoding()
    elif shape.status != 304:
        response.content_length = shape.length
    counters.answered(record, shape.status)
    sender = _Sender(request, response, record, plan, counters, of_object=reply.ranged)
    try:
        await response.prepare(request)
        if request.method != "HEAD" and shape.status != 304:
            await sender.all(shape)
    except (ConnectionError, _CutError):
        pass
    return response


def _shape(request: web.Request, reply: Reply, plan: Plan) -> _Shape:
    """Decide status and parts by the conditional and Range headers."""
    size = reply.content.size
    headers = dict(reply.headers)
    whole = _Shape(reply.status, headers, reply.content, [(0, size)] if size else [])
    if not reply.ranged:
        return whole
    headers.setdefault("Accept-Ranges", "bytes")
    if ranges.not_modified(request.headers, headers):
        return _Shape(304, headers, reply.content)
    if plan.get("ignore_range") or not ranges.range_applies(request.headers, headers):
        return whole
    try:
        spans = ranges.parse(request.headers.get("Range"), size)
    except ranges.UnsatisfiableError:
        headers["Content-Range"] = f"bytes */{size}"
        return _Shape(416, headers, reply.content)
    if spans is None:
        return whole
    if len(spans) > 1:
        return _multipart(reply, headers, spans)
    start, end = spans[0]
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return _Shape(206, headers, reply.content, [(start, end)])


def _multipart(reply: Reply, headers: dict[str, str], spans: list[ranges.Span]) -> _Shape:
    boundary = secrets.token_hex(12)
    kind = headers.get("Content-Type", "application/octet-stream")
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    parts: list[Part] = []
    for start, end in spans:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
            f"Content-Range: bytes {start}-{end - 1}/{reply.content.size}\r\n\r\n"
        )
        parts += [head.encode(), (start, end)]
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    return _Shape(206, headers, reply.content, parts)


class _Sender:
    """Sends the parts of one body, obeying the plan; counts bytes once they are out."""

    def __init__(
        self,
        request: web.Request,
        response: web.StreamResponse,
        record: Record,
        plan: Plan,
        counters: Counters,
        *,
        of_object: bool,
    ) -> None:
        self._request = request
        self._response = response
        self._record = record
        self._plan = plan
        self._counters = counters
        self._of_object = of_object
        self._sent = 0
        self._stops = {
            kind: fault.after_bytes for kind in ("cut", "stall") if (fault := plan.get(kind))
        }

    async def all(self, shape: _Shape) -> None:
        """Send every part, in order."""
        spans = [part for part in shape.parts if not isinstance(part, bytes)]
        self._record.start = spans[0][0] if spans else 0
        await self._check_stops()
        for part in shape.parts:
            if isinstance(part, bytes):
                await self._span(Content(part), 0, len(part))
            else:
                await self._span(shape.content, *part)

    async def _span(self, content: Content, start: int, end: int) -> None:
        # Over TLS sendfile would fall back to small blocks read in a thread.
        secure = self._request.secure
        by_file = content.path is not None and not secure and not self._plan.touches_body
        while start < end:
            size = min(end - start, SENDFILE_BYTES if by_file else self._block_bytes())
            for stop in self._stops.values():
                size = min(size, max(stop - self._sent, 1))
            if by_file:
                await self._sendfile(content, start, size)
            else:
                await self._write(content, start, size)
            start += size
            await self._check_stops()

    async def _sendfile(self, content: Content, start: int, size: int) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        assert content.path is not None
        with content.path.open("rb") as file:
            loop = asyncio.get_running_loop()
            try:
                await loop.sendfile(transport, file, start, size)
            except NotImplementedError:  # uvloop has no sendfile
                await self._write(content, start, size)
            except (ConnectionError, RuntimeError) as error:
                self._count(max(0, min(file.tell() - start, size)))
                raise ConnectionResetError from error
            else:
                self._count(size)

    async def _write(self, content: Content, start: int, size: int) -> None:
        data = content.read(start, size)
        if self._plan.get("wrong_bytes"):
            data = bytes([data[0] ^ 0xFF]) + data[1:]
        await self._response.write(data)
        self._count(size)
        if throttle := self._plan.get("throttle"):
            await asyncio.sleep(size / throttle.bytes_per_s)

    def _block_bytes(self) -> int:
        throttle = self._plan.get("throttle")
        return max(1, min(WRITE_BYTES, throttle.bytes_per_s // 20)) if throttle else WRITE_BYTES

    def _count(self, size: int) -> None:
        self._sent += size
        self._counters.sent(self._record, size, of_object=self._of_object)

    async def _check_stops(self) -> None:
        """Cut or stall when the told number of bytes has gone out."""
        stall = self._plan.get("stall")
        if "stall" in self._stops and stall and self._sent >= stall.after_bytes:
            del self._stops["stall"]
            await asyncio.sleep(stall.seconds)
        cut = self._plan.get("cut")
        if cut and self._sent >= cut.after_bytes:
            transport = self._request.transport
            if transport is not None:
                transport.abort() if cut.reset else transport.close()
            raise _CutError
