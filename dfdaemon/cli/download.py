"""Downloads files through the node's daemon: linked or copied by it, else written from its pieces.

One ``Downloader`` serves one run of dfget; ``fetch`` is called for several files at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from dfcore.backoff import Backoff
from dfcore.errors import (
    BadInput,
    Denied,
    DigestMismatch,
    MeganeuraError,
    RangeNotSatisfiable,
)
from dfdaemon.cli.daemon import Daemon
from dfdaemon.cli.items import GetOptions, Item
from dfdaemon.cli.partfile import (
    PartFile,
    digest_of,
    discard_parts,
    identity_of,
    resume_offset,
)
from dfdaemon.cli.progress import FileProgress
from dfdaemon.cli.request import download_message
from dfinfra.offload import Pool
from dfinfra.pb import dfdaemon_pb2 as pb

# Failures in a row without a byte between them, once there has been one: a daemon that restarts
# is back within seconds.
_FAILURES = 6
_BACKOFF = Backoff(base_s=0.5, cap_s=5.0)


@dataclass(frozen=True)
class Fetched:
    """``was_there``: the file was in its place before."""

    path: Path
    size_bytes: int
    was_there: bool = False


class Downloader:
    """Fetches items to their places."""

    def __init__(
        self, daemon: Daemon, options: GetOptions, disk: Pool, backoff: Backoff = _BACKOFF
    ) -> None:
        self._daemon = daemon
        self._options = options
        self._disk = disk
        self._backoff = backoff
        self._random = random.Random()
        self._daemon_writes = True

    async def fetch(self, item: Item, path: Path, bar: FileProgress) -> Fetched:
        """Bring one file to its place. What is there with the right content is left alone."""
        there = await self._disk.run(_look, item, path, overwrite=self._options.overwrite)
        if there is not None:
            bar.at(there.size_bytes)
            return there
        way, failures = _Way(bar), 0
        while True:
            reached = way.furthest
            try:
                return await self._fetch_once(item, path, way)
            except MeganeuraError as error:
                failures = 1 if way.furthest > reached else failures + 1
                if not _may_help(error) or not way.furthest or failures > _FAILURES:
                    raise
            await asyncio.sleep(self._backoff.delay_s(failures, self._random))

    async def _fetch_once(self, item: Item, path: Path, way: _Way) -> Fetched:
        if not item.url:
            return await self._read_directly(item, path, way)
        start = await self._disk.run(resume_offset, path)
        if self._options.force_hard_link or (self._daemon_writes and not start):
            fetched = await self._let_daemon_write(item, path, way)
            if fetched is not None:
                return fetched
        try:
            return await self._write_pieces(item, path, way, start)
        except RangeNotSatisfiable:
            if not start:
                raise
            await self._disk.run(discard_parts, path)
            return await self._write_pieces(item, path, way, 0)

    # The daemon places the file

    async def _let_daemon_write(self, item: Item, path: Path, way: _Way) -> Fetched | None:
        """None if the daemon may not write there, or writes into another file system than ours."""
        try:
            size_bytes = await self._placed_by_daemon(item, path, way)
        except Denied:
            if self._options.force_hard_link:
                raise
            self._daemon_writes = False
            return None
        self._daemon_writes = await self._disk.run(_is_there, item, path, size_bytes)
        if self._options.force_hard_link:
            await self._disk.run(_demand_link, path, there=self._daemon_writes)
        if not self._daemon_writes:
            return None
        await self._disk.run(discard_parts, path)
        return Fetched(path, size_bytes)

    async def _placed_by_daemon(self, item: Item, path: Path, way: _Way) -> int:
        download = download_message(item, self._options, output=path)
        size_bytes = 0
        way.start_at(0)
        async with aclosing(self._daemon.download(download)) as responses:
            async for response in responses:
                if response.HasField("download_task_started_response"):
                    size_bytes = response.download_task_started_response.content_length
                    way.sized(size_bytes)
                else:
                    way.move(response.download_piece_finished_response.piece.length)
        return size_bytes

    # We write the file

    async def _write_pieces(self, item: Item, path: Path, way: _Way, start: int) -> Fetched:
        download = download_message(item, self._options, output=None, start=start)
        async with aclosing(self._daemon.download(download)) as responses:
            started = await _started(responses)
            size_bytes = started.content_length
            way.sized(size_bytes)
            part = await self._disk.run(
                PartFile, path, _identity(item, started), item.digest, size_bytes
            )
            try:
                if part.offset == start:
                    way.start_at(start)
                    await self._take(responses, part, way)
                    await self._disk.run(part.finish, overwrite=self._options.overwrite)
                    return Fetched(path, size_bytes)
            finally:
                await self._disk.run(part.close)
        # What an earlier run left is of another content, and gone now.
        return await self._write_pieces(item, path, way, part.offset)

    async def _take(
        self, responses: AsyncIterator[pb.DownloadTaskResponse], part: PartFile, way: _Way
    ) -> None:
        async for response in responses:
            piece = response.download_piece_finished_response.piece
            if len(piece.content) != piece.length:
                raise MeganeuraError("this dfdaemon does not hand over the content of pieces")
            await self._disk.run(part.write, piece.offset, piece.content)
            way.move(piece.length)

    async def _read_directly(self, item: Item, path: Path, way: _Way) -> Fetched:
        """Past the daemon, for a store whose objects have no URL that could be handed over."""
        assert item.read_directly is not None and item.size_bytes is not None
        size_bytes = item.size_bytes
        identity = identity_of(item.version or item.content or item.name, size_bytes)
        part = await self._disk.run(PartFile, path, identity, item.digest, size_bytes)
        try:
            way.start_at(part.offset)
            if part.offset < size_bytes:
                async for block in item.read_directly(part.offset):
                    await self._disk.run(part.write, part.offset, block)
                    way.move(len(block))
            await self._disk.run(part.finish, overwrite=self._options.overwrite)
        finally:
            await self._disk.run(part.close)
        return Fetched(path, size_bytes)


class _Way:
    """How far a file is: moves its bar, and remembers the furthest that any attempt came."""

    def __init__(self, bar: FileProgress) -> None:
        self._bar = bar
        self._offset = 0
        self.furthest = 0

    def sized(self, size_bytes: int) -> None:
        self._bar.sized(size_bytes)

    def start_at(self, offset: int) -> None:
        """An attempt begins."""
        self._offset = offset
        self._bar.at(offset)

    def move(self, step: int) -> None:
        """Bytes came."""
        self._offset += step
        self.furthest = max(self.furthest, self._offset)
        self._bar.at(self._offset)


async def _started(
    responses: AsyncIterator[pb.DownloadTaskResponse],
) -> pb.DownloadTaskStartedResponse:
    async for response in responses:
        if response.HasField("download_task_started_response"):
            return response.download_task_started_response
        break
    raise MeganeuraError("dfdaemon did not say what it downloads")


def _identity(item: Item, started: pb.DownloadTaskStartedResponse) -> str:
    """What the unfinished file's bytes belong to."""
    if item.version or item.content:
        return identity_of(item.version or item.content, started.content_length)
    headers = {name.lower(): value for name, value in started.response_header.items()}
    validators = [headers.get(name, "") for name in ("etag", "last-modified")]
    return identity_of(item.url, started.content_length, *validators)


def _may_help(error: MeganeuraError) -> bool:
    return error.retryable and not isinstance(error, DigestMismatch)


def _look(item: Item, path: Path, *, overwrite: bool) -> Fetched | None:
    """The file if it is there with the wanted content; raises BadInput if another is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        return None
    if path.is_file() and item.size_bytes in (None, size_bytes) and _has_digest(item, path):
        return Fetched(path, size_bytes, was_there=True)
    if not overwrite:
        raise BadInput(f"{path} exists already; --overwrite replaces it")
    return None


def _has_digest(item: Item, path: Path) -> bool:
    return item.digest is not None and digest_of(path, item.digest) == item.digest


def _is_there(item: Item, path: Path, size_bytes: int) -> bool:
    """Whether the file that the daemon placed is here, whole. Raises DigestMismatch."""
    try:
        if path.stat().st_size != size_bytes:
            return False
    except FileNotFoundError:
        return False
    named_by_digest = item.content is not None and item.content == str(item.digest)
    # The daemon has verified a blob that it knows under its digest; it may hold one that it
    # knows under a URL from before a digest was asked for.
    if item.digest is not None and not named_by_digest:
        found = digest_of(path, item.digest)
        if found != item.digest:
            path.unlink()
            raise DigestMismatch(f"the content is {found}, not {item.digest}")
    return True


def _demand_link(path: Path, *, there: bool) -> None:
    if not there:
        raise BadInput("--force-hard-link: the daemon has another file system than this command")
    if path.stat().st_nlink < 2:
        path.unlink()
        raise BadInput(f"--force-hard-link: {path} is not on the file system of the daemon's cache")
