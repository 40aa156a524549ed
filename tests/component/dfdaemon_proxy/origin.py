"""A small HTTP origin that notes what it was asked, for tests of what is passed on."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

BLOB = bytes(range(256)) * 1200  # 300 KiB
GZIPPED = gzip.compress(b"text that was compressed by the origin" * 50)


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Origin:
    """``blob`` and ``etag`` are what /blob serves; ``password`` guards /guarded."""

    blob: bytes = BLOB
    etag: str = '"one"'
    password: str = "Bearer let-me-in"
    asked: list[Asked] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Origin:
        server = web.Server(self._handle, access_log=None, auto_decompress=False)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.blob).hexdigest()

    def count(self, path: str) -> int:
        return sum(asked.path.partition("?")[0] == path for asked in self.asked)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = Asked(request.method, request.raw_path, dict(request.headers))
        self.asked.append(asked)
        name = request.path.strip("/").split("/")[0].replace("-", "_")
        answer: Callable[[web.BaseRequest, Asked], Awaitable[web.StreamResponse]]
        answer = getattr(self, f"_{name}", self._missing)
        return await answer(request, asked)

    async def _missing(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        return web.Response(status=404, body=b"no such thing", headers={"X-Why": "not here"})

    async def _echo(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        asked.body = await request.content.read()
        return web.Response(body=asked.body, headers={"X-Method": request.method})

    async def _blob(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        headers = {"ETag": self.etag, "Accept-Ranges": "bytes", "Content-Type": "model/weights"}
        wanted = request.headers.get("Range")
        if not wanted:
            return web.Response(body=self.blob, headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        end = int(last) + 1 if last else len(self.blob)
        part = self.blob[int(first) : end]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(self.blob)}"
        return web.Response(status=206, body=part, headers=headers)

    async def _v2(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        if "/blobs/" in request.path:
            return await self._blob(request, asked)
        return web.Response(body=b"{}", headers={"Content-Type": "application/json"})

    async def _guarded(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        if request.headers.get("Authorization") != self.password:
            headers = {"WWW-Authenticate": 'Bearer realm="origin"'}
            return web.Response(status=401, body=b"who are you?", headers=headers)
        return await self._blob(request, asked)

    async def _gzipped(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        return web.Response(body=GZIPPED, headers={"Content-Encoding": "gzip"})

    async def _cut(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 100)
        assert request.transport is not None
        request.transport.close()
        return response

    async def _slow(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await self.release.wait()
        await response.write(b" second")
        await response.write_eof()
        return response

    async def _early(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        return web.Response(status=417, body=b"not that")

    async def _bare(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"{self.url}/echo"})
