"""The S3 server: from a request to one operation, and from its outcome to an answer.

aiohttp moves the bytes; everything that touches the volume runs on threads. Every request is checked
(`sigv4`) before anything else is looked at. Refusals become S3's XML here and nowhere else.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web

from dfcore.errors import MeganeuraError
from dffs.gateway import sigv4, xml
from dffs.gateway.bucketcalls import BucketCalls
from dffs.gateway.buckets import Buckets
from dffs.gateway.calls import Call, Reply, split_target
from dffs.gateway.chunks import Checks, body_of
from dffs.gateway.errors import S3Error, of_os_error
from dffs.gateway.learn import Learner
from dffs.gateway.multipart import Uploads
from dffs.gateway.objectcalls import ObjectCalls
from dffs.gateway.putting import Putting
from dffs.gateway.routes import Routes, is_upload
from dffs.gateway.settings import settings
from dffs.treefile import TreeReader
from dfinfra.logs import get_logger
from dfinfra.offload import Pool

_READ_BYTES = 1 << 20
_log = get_logger("gateway")


class S3Server:
    """One gateway. `keys` are the access keys with their secrets."""

    def __init__(
        self,
        buckets: Buckets,
        keys: Mapping[str, str],
        pool: Pool,
        *,
        domain: str = "",
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._buckets = buckets
        self._keys = dict(keys)
        self._pool = pool
        self._domain = domain.lower().strip(".")
        self._read_only = read_only
        self._clock = clock
        self.learner = Learner(buckets.tree)
        self.uploads = Uploads(buckets.tree, self.learner.add)
        self._putting = Putting(self.uploads, pool)
        self._routes = Routes(
            ObjectCalls(buckets, self.uploads),
            BucketCalls(buckets, self.uploads),
            settings(buckets),
        )

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self.handle, expect_handler=self._on_expect)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        request_id = secrets.token_hex(8)
        began = time.monotonic()
        try:
            call = await self._checked(request)
            reply = await self._carried_out(request, call)
            response = await self._send(request, reply, request_id)
        except (S3Error, MeganeuraError, OSError) as error:
            if isinstance(error, ConnectionError):
                raise
            response = self._refused(request, error, request_id)
        _log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status,
            id=request_id,
            cost_ms=int((time.monotonic() - began) * 1000),
        )
        return response

    async def _checked(self, request: web.Request) -> Call:
        """Who asks for what; a body is read only where it is a small document."""
        held: Call | None = request.get("call")
        if held is not None:
            return held
        path, _, query = request.raw_path.partition("?")
        received = sigv4.Request(
            request.method,
            path,
            query,
            [(name, value) for name, value in request.headers.items()],
        )
        signed = sigv4.check(received, self._keys.get, self._clock())
        headers = {name.lower(): value for name, value in request.headers.items()}
        bucket, key, pairs = split_target(path, query, request.host, self._domain)
        call = Call(request.method, bucket, key, pairs, headers, signed)
        if self._read_only and request.method not in ("GET", "HEAD"):
            raise S3Error("AccessDenied", "This gateway is read-only.")
        return call

    async def _carried_out(self, request: web.Request, call: Call) -> Reply:
        if is_upload(call):
            return await self._put(request, call)
        operation = self._routes.find(call)
        if request.can_read_body:
            call = await self._with_document(request, call)
        return await self._pool.run(operation, call)

    async def _put(self, request: web.Request, call: Call) -> Reply:
        bucket = await self._pool.run(self._buckets.get, call.bucket)
        content = _received(request)
        if "uploadId" in call.query:
            return await self._putting.part(bucket, call, content)
        return await self._putting.object(bucket, call, content)

    async def _with_document(self, request: web.Request, call: Call) -> Call:
        body = body_of(call.signed)
        checks = Checks(call.headers, call.signed.payload if call.signed else "")
        whole = bytearray()
        async for data in _received(request):
            for plain in body.feed(data):
                whole += plain
            if len(whole) > xml.MAX_DOCUMENT_BYTES:
                raise S3Error("MalformedXML", "The document is too long.")
        body.finish()
        checks.update(bytes(whole))
        checks.finish(body.trailers)
        return Call(
            call.method, call.bucket, call.key, call.query, call.headers, call.signed, bytes(whole)
        )

    async def _send(
        self, request: web.Request, reply: Reply, request_id: str
    ) -> web.StreamResponse:
        headers = {**reply.headers, "x-amz-request-id": request_id, "Server": "dffs"}
        if reply.reader is None:
            if request.method == "HEAD" or reply.status in (204, 304):
                response = web.Response(status=reply.status, headers=headers)
            else:
                response = web.Response(status=reply.status, headers=headers, body=reply.body)
            return response
        try:
            stream = web.StreamResponse(status=reply.status, headers=headers)
            await stream.prepare(request)
            await self._stream(stream, reply.reader, reply.start, reply.length)
            await stream.write_eof()
        finally:
            await asyncio.shield(self._pool.run(reply.reader.close))
        return stream

    async def _stream(
        self, stream: web.StreamResponse, reader: TreeReader, start: int, length: int
    ) -> None:
        """Read one piece ahead of what the client takes."""
        while length:
            data = await self._pool.run(reader.pread, start, min(_READ_BYTES, length))
            if not data:
                # Headers are out: only a cut connection tells the client that bytes are missing.
                raise ConnectionResetError("the file became shorter while it was read")
            await stream.write(data)
            start += len(data)
            length -= len(data)

    def _refused(self, request: web.Request, error: Exception, request_id: str) -> web.Response:
        if isinstance(error, S3Error):
            told = error
        elif isinstance(error, OSError):
            told = of_os_error(error)
        else:
            told = S3Error("SlowDown" if getattr(error, "retryable", False) else "InternalError")
        if told.http_status >= 500:
            _log.error("request failed", id=request_id, path=request.path, error=str(error))
        headers = {"x-amz-request-id": request_id, "Server": "dffs"}
        if request.method == "HEAD":
            return web.Response(status=told.http_status, headers=headers)
        response = web.Response(
            status=told.http_status,
            headers={**headers, "Content-Type": "application/xml"},
            body=xml.error_document(told, request.path, request_id),
        )
        if request.can_read_body:
            response.force_close()  # what is left of the body is not read
        return response

    async def _on_expect(self, request: web.Request) -> web.StreamResponse | None:
        """A client that waits before its body: refuse, or answer at once, or let it send."""
        if request.headers.get("Expect", "").lower() != "100-continue":
            raise web.HTTPExpectationFailed
        request_id = secrets.token_hex(8)
        try:
            call = await self._checked(request)
            reply = await self._known_already(call)
        except (S3Error, MeganeuraError, OSError) as error:
            refused = self._refused(request, error, request_id)
            refused.force_close()
            return refused
        if reply is not None:
            response = await self._send(request, reply, request_id)
            response.force_close()  # the client may send the body all the same
            return response
        request["call"] = call
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
        return None

    async def _known_already(self, call: Call) -> Reply | None:
        if not is_upload(call):
            return None
        bucket = await self._pool.run(self._buckets.get, call.bucket)
        return await self._putting.without_body(bucket, call)


async def _received(request: web.Request) -> AsyncIterator[bytes]:
    async for data in request.content.iter_any():
        yield data
