"""Files of a volume by HTTP on loopback, for the seed's own fetcher: it knows origins, not volumes.

A path holds a secret that only this process knows, and a file's inode. Ranges are answered as an origin
answers them.
"""

from __future__ import annotations

import os
import secrets

from aiohttp import web

from dfcore.errors import RangeNotSatisfiable
from dfcore.ranges import ByteRange, format_content_range, parse_range_header
from dffs.meta.types import ROOT_CALLER
from dffs.vfs.openfile import OpenFile
from dffs.volume import Volume
from dfinfra.logs import get_logger
from dfinfra.offload import Pool

_log = get_logger("seedpeer")
_CHUNK_BYTES = 4 << 20


class Contents:
    """Serves one volume's files, once it is started."""

    def __init__(self, volume: Volume, disk: Pool) -> None:
        self._volume = volume
        self._disk = disk
        self._secret = secrets.token_urlsafe(24)
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        app = web.Application()
        app.router.add_get("/{secret}/{ino:[0-9]+}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Break off what is being served."""
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, ino: int) -> str:
        """Where a file is to be had. Not to be logged."""
        return f"http://127.0.0.1:{self._port}/{self._secret}/{ino}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not secrets.compare_digest(request.match_info["secret"], self._secret):
            raise web.HTTPNotFound
        ino = int(request.match_info["ino"])
        try:
            file = await self._disk.run(self._volume.files.open, ROOT_CALLER, ino, os.O_RDONLY)
        except OSError:
            raise web.HTTPNotFound from None
        try:
            return await self._send(request, file)
        except OSError as error:
            # Broken off in the middle: the fetcher asks again, or goes to the origin.
            _log.warning("file of the volume cannot be read", ino=ino, reason=str(error))
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            await self._disk.run(file.release)

    async def _send(self, request: web.Request, file: OpenFile) -> web.StreamResponse:
        size = file.attr.size_bytes
        wanted, status = ByteRange(0, size), 200
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        try:
            spans = parse_range_header(request.headers.get("Range", ""), size)
        except RangeNotSatisfiable:
            raise web.HTTPRequestRangeNotSatisfiable(
                headers={"Content-Range": format_content_range(None, size)}
            ) from None
        if spans:
            wanted, status = spans[0], 206
            headers["Content-Range"] = format_content_range(wanted, size)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = wanted.size
        await response.prepare(request)
        at = wanted.start
        while at < wanted.end:
            data = await self._disk.run(file.read, at, min(_CHUNK_BYTES, wanted.end - at))
            if not data:
                raise OSError("the file became shorter")
            await response.write(data)
            at += len(data)
        await response.write_eof()
        return response
