"""Content of models over REST: uploads in parts that can be continued, downloads with ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, NotFound
from dfcore.ranges import ByteRange, parse_range_header
from manager.auth.modelrights import Level, ModelRights
from manager.auth.principal import Principal
from manager.db.models import READY, ModelFile, ModelVersion
from manager.models import registry
from manager.models.desk import Desk
from manager.models.names import FileEntry
from manager.models.shelf import Upload
from manager.rest.models_name import name_of
from manager.rest.models_schema import ReceivedAnswer
from manager.rest.routes import Call

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WRITE_BYTES = 4 << 20


class TransferRoutes:
    """Handlers of content."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def received(self, call: Call) -> ReceivedAnswer:
        """How much of an upload is there: go on at that offset."""
        volume, number, file = await self._wanted(call)
        there = await self._desk.on_shelf(
            volume, lambda: self._desk.shelf(volume).received(number, file.digest)
        )
        return ReceivedAnswer(received_bytes=there, complete=there >= file.size_bytes)

    async def upload(self, call: Call) -> ReceivedAnswer:
        """Take the bytes of one content, from an offset on."""
        volume, number, file = await self._wanted(call)
        text = call.request.query.get("offset", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 17):
            raise BadInput("offset: must be a number of bytes")
        upload = await self._desk.on_shelf(
            volume, lambda: self._desk.shelf(volume).upload(number, file.digest, file.size_bytes)
        )
        try:
            await self._desk.on_shelf(volume, upload.seek, int(text))
            await self._receive(call.request, volume, upload)
            complete = await self._desk.on_shelf(volume, upload.finish)
        finally:
            await self._desk.on_shelf(volume, upload.close)
        return ReceivedAnswer(received_bytes=upload.offset, complete=complete)

    async def _receive(self, request: web.Request, volume: str, upload: Upload) -> None:
        buffer = bytearray()
        async for data in request.content.iter_any():
            buffer += data
            if len(buffer) >= _WRITE_BYTES:
                await self._desk.on_shelf(volume, upload.write, bytes(buffer))
                buffer.clear()
        if buffer:
            await self._desk.on_shelf(volume, upload.write, bytes(buffer))

    async def _wanted(self, call: Call) -> tuple[str, int, FileEntry]:
        """The volume, the version and the file of an upload. Raises NotFound, Denied, BadInput."""
        name = name_of(call)
        number, digest = call.number("version_id"), _digest(call)

        def found(session: Session) -> tuple[str, int, FileEntry]:
            ModelRights(session, call.principal).must(name, Level.WRITE)
            model = registry.find_model(session, name)
            version = registry.version_of(session, model, number)
            if version.state == READY:
                raise BadInput("the version is complete: nothing is to be uploaded")
            row = session.scalars(
                select(ModelFile)
                .where(ModelFile.version_id == number, ModelFile.digest == digest)
                .limit(1)
            ).first()
            if row is None:
                raise NotFound(f"the version has no file {digest}")
            return model.volume, number, FileEntry(row.path, row.size_bytes, digest)

        return await self._desk.database.read(found)

    async def content(self, call: Call) -> web.StreamResponse:
        """A file of a model by its digest, for whoever may read the model."""
        name, digest = name_of(call), _digest(call)

        def found(session: Session) -> tuple[str, int]:
            return _file_of_model(session, call.principal, name, digest)

        volume, size_bytes = await self._desk.database.read(found)
        return await self._send(call.request, volume, digest, size_bytes)

    async def _send(
        self, request: web.Request, volume: str, digest: str, size_bytes: int
    ) -> web.StreamResponse:
        span = _asked(request, size_bytes)
        response = web.StreamResponse(
            status=200 if span is None else 206,
            headers={
                "Content-Type": "application/octet-stream",
                "Accept-Ranges": "bytes",
                "ETag": f'"{digest}"',
                "Cache-Control": "private, max-age=31536000, immutable",
            },
        )
        start, end = (0, size_bytes) if span is None else (span.start, span.end)
        if span is not None:
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
        response.content_length = end - start
        await response.prepare(request)
        if request.method == "HEAD" or end == start:
            return response
        parts = await self._desk.on_shelf(
            volume, lambda: self._desk.shelf(volume).content(digest, start, end - start)
        )
        try:
            while data := await self._desk.on_shelf(volume, _next, parts):
                await response.write(data)
        finally:
            await self._desk.on_shelf(volume, parts.close)
        await response.write_eof()
        return response


def _next(parts: Iterator[bytes]) -> bytes:
    return next(parts, b"")


def _digest(call: Call) -> str:
    digest = call.text("digest")
    if not _DIGEST.fullmatch(digest):
        raise NotFound("a content is named sha256: and 64 digits")
    return digest


def _asked(request: web.Request, size_bytes: int) -> ByteRange | None:
    header = request.headers.get("Range", "")
    if not header or not size_bytes:
        return None
    spans = parse_range_header(header, size_bytes)
    return spans[0] if spans and len(spans) == 1 else None


def _file_of_model(session: Session, who: Principal, name: str, digest: str) -> tuple[str, int]:
    ModelRights(session, who).must(name, Level.READ)
    model = registry.find_model(session, name)
    row = session.scalars(
        select(ModelFile)
        .join(ModelVersion, ModelVersion.id == ModelFile.version_id)
        .where(
            ModelVersion.model_id == model.id,
            ModelVersion.state == READY,
            ModelFile.digest == digest,
        )
        .limit(1)
    ).first()
    if row is None:
        raise NotFound(f"model {name} has no file {digest}")
    return model.volume, row.size_bytes
