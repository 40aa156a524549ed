"""PutObject and UploadPart: the body streams into the volume, and is there only if it is right.

The loop receives, a thread hashes and writes; one piece of 1 MiB is under way, so a slow store slows the
client. An upload whose signed sha256 the volume knows already needs no body: where the client waits
for `100 Continue`, it is answered at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dffs.gateway import conditions, metadata
from dffs.gateway.bucket import Bucket
from dffs.gateway.calls import Call, Reply
from dffs.gateway.chunks import Checks, body_of
from dffs.gateway.errors import S3Error
from dffs.gateway.metadata import Kept
from dffs.gateway.multipart import Upload, Uploads
from dffs.gateway.objectcalls import tags_of_header
from dffs.meta.types import Attr
from dffs.vfs.api import OpenFileApi
from dfinfra.offload import Pool

MAX_PUT_BYTES = 5 << 40
_PIECE_BYTES = 1 << 20


@dataclass
class _Target:
    """Where the bytes of one upload go."""

    bucket: Bucket
    folder: int
    name: bytes
    partial: bytes
    attr: Attr
    handle: OpenFileApi
    checks: Checks
    offset: int = 0
    open: bool = True

    def write(self, data: bytes) -> None:
        self.checks.update(data)
        self.offset += self.handle.write(self.offset, data)

    def release(self) -> None:
        if self.open:
            self.open = False
            self.handle.release()


class Putting:
    """The uploads of one gateway."""

    def __init__(self, uploads: Uploads, pool: Pool) -> None:
        self._uploads = uploads
        self._pool = pool

    async def object(self, bucket: Bucket, call: Call, content: AsyncIterator[bytes]) -> Reply:
        """PutObject."""
        if call.key.endswith("/"):
            return await self._directory(bucket, call, content)
        only_new = await self._pool.run(self._may, bucket, call)
        kept = metadata.of_request(call.headers, tags=tags_of_header(call))
        folder, name = await self._pool.run(bucket.place, call.key)
        target = await self._pool.run(_begin, bucket, folder, name, call)
        try:
            await self._fill(target, call, content)
            etag = target.checks.md5.hexdigest()
            await self._pool.run(_publish_object, target, kept, etag, only_new)
        except BaseException:
            await self._gone(target)
            raise
        return Reply(200, {"ETag": f'"{etag}"', **target.checks.told()})

    async def part(self, bucket: Bucket, call: Call, content: AsyncIterator[bytes]) -> Reply:
        """UploadPart."""
        upload: Upload = await self._pool.run(
            self._uploads.get, bucket, call.key, call.query["uploadId"]
        )
        number = call.number("partNumber", 0)
        folder, name = self._uploads.place(upload, number)
        target = await self._pool.run(_begin, bucket, folder, name, call)
        try:
            await self._fill(target, call, content)
            etag = target.checks.md5.hexdigest()
            await self._pool.run(self._uploads.publish, upload, target.partial, number, etag)
        except BaseException:
            await self._gone(target)
            raise
        return Reply(200, {"ETag": f'"{etag}"', **target.checks.told()})

    async def without_body(self, bucket: Bucket, call: Call) -> Reply | None:
        """The answer to an upload whose content is here already, or None: the body is needed."""
        sha256 = call.signed.payload if call.signed else ""
        if len(sha256) != 64 or "uploadId" in call.query or call.key.endswith("/"):
            return None
        if "if-none-match" in call.headers or "content-md5" in call.headers:
            return None
        return await self._pool.run(self._known, bucket, call, sha256)

    def _known(self, bucket: Bucket, call: Call, sha256: str) -> Reply | None:
        self._may(bucket, call)
        kept = metadata.of_request(call.headers, tags=tags_of_header(call))
        put = bucket.put_known(call.key, sha256, kept, _expected_bytes(call))
        return None if put is None else Reply(200, {"ETag": f'"{put.etag}"'})

    def _may(self, bucket: Bucket, call: Call) -> bool:
        """Judge the conditions of an upload; whether it may only create."""
        if "if-match" not in call.headers and "if-none-match" not in call.headers:
            return False
        there = bucket.find(call.key)
        return conditions.for_write(call.headers, there.etag if there else None)

    async def _directory(self, bucket: Bucket, call: Call, content: AsyncIterator[bytes]) -> Reply:
        async for data in content:
            if data and call.headers.get("x-amz-decoded-content-length") != "0":
                raise S3Error("InvalidArgument", "A key that ends with a slash has no content.")
        made = await self._pool.run(bucket.make_directory, call.key)
        return Reply(200, {"ETag": f'"{made.etag}"'})

    async def _fill(self, target: _Target, call: Call, content: AsyncIterator[bytes]) -> None:
        expected = _expected_bytes(call)
        body = body_of(call.signed)
        piece = bytearray()
        async for data in content:
            for plain in body.feed(data):
                piece += plain
            if len(piece) >= _PIECE_BYTES:
                ready, piece = bytes(piece), bytearray()
                await self._pool.run(target.write, ready)
        body.finish()
        if piece:
            await self._pool.run(target.write, bytes(piece))
        if target.offset != expected:
            raise S3Error("IncompleteBody")
        target.checks.finish(body.trailers)
        await self._pool.run(_store, target)

    async def _gone(self, target: _Target) -> None:
        """Remove what came; also when the client has gone and this job is being cancelled."""
        await asyncio.shield(self._pool.run(_discard, target))


def _expected_bytes(call: Call) -> int:
    text = call.headers.get("x-amz-decoded-content-length") or call.headers.get("content-length")
    if text is None:
        raise S3Error("MissingContentLength")
    if not text.isdigit():
        raise S3Error("InvalidArgument", "The content's length is not a number.")
    if int(text) > MAX_PUT_BYTES:
        raise S3Error("EntityTooLarge")
    return int(text)


def _begin(bucket: Bucket, folder: int, name: bytes, call: Call) -> _Target:
    partial, attr = bucket.tree.begin(folder, name)
    handle = bucket.tree.files.opened(attr, os.O_RDWR)
    payload = call.signed.payload if call.signed else ""
    return _Target(bucket, folder, name, partial, attr, handle, Checks(call.headers, payload))


def _store(target: _Target) -> None:
    """Every byte is in the object store after this; the digest of the whole is noted
    where it is known here (where not, the writing of the file has found it out)."""
    target.handle.fsync()
    attr = target.handle.attr
    target.release()
    target.bucket.tree.finish(attr, digest=target.checks.digest)


def _publish_object(target: _Target, kept: Kept, etag: str, only_new: bool) -> None:
    target.bucket.publish(
        target.folder, target.partial, target.name, only_new=only_new, kept=kept, etag=etag
    )


def _discard(target: _Target) -> None:
    try:
        target.release()
    except OSError:
        pass  # its bytes are not wanted any more
    finally:
        target.bucket.tree.discard(target.folder, target.partial)
