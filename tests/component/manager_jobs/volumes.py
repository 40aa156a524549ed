"""Volumes for tests: SQLite and a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dffs.format import Format
from dffs.volume import Volume
from tests.component.manager_jobs.bed import Bed


def make_volume(folder: Path, name: str, *, block_size_bytes: int = 64 << 10) -> str:
    """A new volume; the URL of its metadata."""
    bucket = folder / f"{name}-objects"
    bucket.mkdir()
    url = f"sqlite:///{folder / f'{name}.db'}"
    record = Format(
        name=name, storage="file", bucket=str(bucket), block_size_bytes=block_size_bytes
    )
    Volume.format_new(url, record)
    return url


async def introduce(bed: Bed, name: str, url: str) -> None:
    """Have the manager know a volume."""
    await bed.client.ask("PUT", f"/api/v1/volumes/{name}", {"meta_url_secret": url})


def digest_of(content: bytes) -> str:
    """The name of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def push(
    bed: Bed, model: str, files: dict[str, bytes], *tags: str, note: str = ""
) -> tuple[str, list[str]]:
    """Push a version as dfctl does; its revision, and the contents that were uploaded."""
    listed = [
        {"path": path, "size_bytes": len(content), "digest": digest_of(content)}
        for path, content in files.items()
    ]
    base = f"/api/v1/models/{model}"
    begun = await bed.client.ask("POST", f"{base}/versions", {"files": listed, "note": note})
    for content in files.values():
        if digest_of(content) in begun["missing"]:
            await upload(bed, f"{base}/pushes/{begun['version_id']}", content)
    done = await bed.client.ask(
        "POST", f"{base}/pushes/{begun['version_id']}/commit", {"tags": list(tags)}
    )
    assert done["ready"], done
    return done["revision"], begun["missing"]


async def upload(bed: Bed, base: str, content: bytes, *, offset: int = 0) -> None:
    """Upload a content from an offset on."""
    async with bed.client.session.put(
        f"{bed.client.base}{base}/{digest_of(content)}",
        data=content[offset:],
        params={"offset": str(offset)},
        headers={"Authorization": f"Bearer {bed.client.token}"},
    ) as answer:
        assert answer.status == 200, await answer.text()
