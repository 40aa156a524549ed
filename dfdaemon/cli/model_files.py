"""Files of a folder on their way to and from the model registry: hashed, uploaded, downloaded, verified.

An upload goes on where an earlier one stopped, a download too (``<name>.part``); what is there already
with the right digest is left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from dfcore.errors import BadInput, DigestMismatch, MeganeuraError, OriginBroken
from dfdaemon.cli.job_api import ManagerApi
from dfdaemon.cli.progress import FileProgress

READ_BYTES = 4 << 20
AT_ONCE = 4
ATTEMPTS = 5
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of a folder that is pushed."""

    path: str
    where: Path
    size_bytes: int
    digest: str

    def listed(self) -> dict[str, Any]:
        """As the registry wants it."""
        return {"path": self.path, "size_bytes": self.size_bytes, "digest": self.digest}


def found_in(folder: Path) -> list[Path]:
    """The files of a folder that belong to a model: no caches of tools, no parts of downloads."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder")
    skipped = {".git", ".cache", "__pycache__"}
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not skipped & set(path.relative_to(folder).parts)
        and path.suffix not in (".part", ".lock")
    ]
    if not files:
        raise BadInput(f"{folder}: there are no files in it")
    return files


def hashed(path: Path, name: str, progress: FileProgress) -> LocalFile:
    """Read a file for its digest. Blocking."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            digest.update(data)
            size += len(data)
            progress.at(size)
    progress.done()
    return LocalFile(name, path, size, f"sha256:{digest.hexdigest()}")


async def upload(api: ManagerApi, base: str, file: LocalFile, progress: FileProgress) -> None:
    """Bring a content to the manager, from where an earlier try stopped."""
    path = f"{base}/{file.digest}"
    for attempt in range(ATTEMPTS):
        try:
            told = await api.ask("GET", path)
            offset = min(int(told["received_bytes"]), file.size_bytes)
            await _send(api, path, file, 0 if offset == file.size_bytes else offset, progress)
        except (MeganeuraError, aiohttp.ClientError) as error:
            last = attempt == ATTEMPTS - 1
            if isinstance(error, MeganeuraError) and (last or not error.retryable):
                raise
            if last:
                raise OriginBroken(f"{file.path}: {type(error).__name__}") from error
            await asyncio.sleep(_PAUSE_S * (attempt + 1))
        else:
            progress.done()
            return


async def _send(
    api: ManagerApi, path: str, file: LocalFile, offset: int, progress: FileProgress
) -> None:
    async def content() -> AsyncIterator[bytes]:
        with file.where.open("rb") as source:
            source.seek(offset)
            done = offset
            while data := await asyncio.to_thread(source.read, READ_BYTES):
                yield data
                done += len(data)
                progress.at(done)

    async with api.session.put(
        api.url(path), data=content(), params={"offset": str(offset)}
    ) as answer:
        await api.check(answer)
        if not (await answer.json())["complete"]:
            raise OriginBroken(f"{file.path}: it did not arrive whole")


async def download(
    api: ManagerApi, model: str, entry: dict[str, Any], folder: Path, progress: FileProgress
) -> bool:
    """Have a file of a version in a folder; False if it was there."""
    target = safe_place(folder, entry["path"])
    if await asyncio.to_thread(_is_whole, target, entry["size_bytes"], entry["digest"]):
        progress.at(entry["size_bytes"])
        progress.done()
        return False
    partial = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    url = f"/api/v1/models/{model}/content/{quote(entry['digest'])}"
    for attempt in range(ATTEMPTS):
        try:
            await _receive(api, url, partial, entry["size_bytes"], progress)
            break
        except (MeganeuraError, aiohttp.ClientError) as error:
            if attempt == ATTEMPTS - 1:
                raise OriginBroken(f"{entry['path']}: {error or type(error).__name__}") from error
            await asyncio.sleep(_PAUSE_S * (attempt + 1))
    if not await asyncio.to_thread(_is_whole, partial, entry["size_bytes"], entry["digest"]):
        partial.unlink(missing_ok=True)
        raise DigestMismatch(f"{entry['path']}: the bytes that came are not {entry['digest']}")
    partial.replace(target)
    progress.done()
    return True


async def _receive(
    api: ManagerApi, url: str, partial: Path, size_bytes: int, progress: FileProgress
) -> None:
    offset = partial.stat().st_size if partial.exists() else 0
    if offset > size_bytes:
        offset = 0
    if offset == size_bytes:
        if not size_bytes:
            partial.touch()
        return
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    async with api.session.get(api.url(url), headers=headers) as answer:
        await api.check(answer)
        with partial.open("r+b" if offset and answer.status == 206 else "wb") as file:
            file.seek(offset if answer.status == 206 else 0)
            async for data in answer.content.iter_chunked(READ_BYTES):
                await asyncio.to_thread(file.write, data)
                progress.at(file.tell())


def safe_place(folder: Path, path: str) -> Path:
    """Where a file of a version goes: below the folder, whatever the manager says."""
    target = folder.joinpath(*path.split("/"))
    inside = target.resolve().is_relative_to(folder.resolve())
    if not inside or path.startswith("/") or ".." in path.split("/"):
        raise MeganeuraError(f"{path[:200]!r} leads out of the folder")
    return target


def _is_whole(path: Path, size_bytes: int, digest: str) -> bool:
    if not path.is_file() or path.stat().st_size != size_bytes:
        return False
    found = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            found.update(data)
    return f"sha256:{found.hexdigest()}" == digest
