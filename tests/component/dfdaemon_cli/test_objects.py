"""s3:// against a small S3 server: signed URLs for the daemon, own reading where none can be had."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from dfcore.errors import MeganeuraError, NotFound
from dfdaemon.cli.get import get
from dfdaemon.cli.items import GetOptions, StorageOptions
from dfdaemon.cli.sources import list_items
from tests.component.dfdaemon_cli.fakes import FakeDaemon

OBJECTS = {"models/a.bin": b"a" * 10, "models/deep/b.bin": b"b" * 7, "other.bin": b"o"}


async def answer(request: web.Request) -> web.StreamResponse:
    """GET and HEAD of objects, and the second version of the listing."""
    _, bucket, key = request.path.split("/", 2) if request.path.count("/") > 1 else ("", "", "")
    if request.query.get("list-type") == "2":
        prefix = request.query.get("prefix", "")
        found = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(data)}</Size><ETag>&quot;{etag(data)}&quot;</ETag>"
            "<LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"
            for key, data in OBJECTS.items()
            if key.startswith(prefix)
        )
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>",
            content_type="application/xml",
        )
    if bucket == "closed":
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
    if key not in OBJECTS:
        return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
    data = OBJECTS[key]
    return web.Response(
        body=data,
        headers={"ETag": f'"{etag(data)}"', "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"},
    )


def etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture
async def endpoint() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def options(endpoint: str, socket_path: Path, daemon: FakeDaemon, tmp_path: Path) -> GetOptions:
    storage = StorageOptions("us-east-1", endpoint, "AKIAKEY", "geheim")
    return GetOptions(
        "s3://bucket/models/a.bin", output=tmp_path / "out", endpoint=socket_path, storage=storage
    )


def at(options: GetOptions, url: str, **changes: object) -> GetOptions:
    return GetOptions(**{**vars(options), "url": url, **changes})  # type: ignore[arg-type]


async def test_the_daemon_gets_a_signed_url_and_no_key(
    options: GetOptions, daemon: FakeDaemon, tmp_path: Path
) -> None:
    data = OBJECTS["models/a.bin"]
    daemon.by_path = True
    daemon.contents["/bucket/models/a.bin"] = data
    await get(options)
    assert (tmp_path / "out").read_bytes() == data
    asked = daemon.asked[0]
    query = parse_qs(urlsplit(asked.url).query)
    assert query["X-Amz-Credential"][0].startswith("AKIAKEY/")
    assert set(query) <= set(asked.filtered_query_params)
    assert "geheim" not in str(asked)
    assert asked.HasField("object_storage")


async def test_a_folder_comes_whole(options: GetOptions) -> None:
    listing = await list_items(at(options, "s3://bucket/models/", recursive=True))
    assert [(item.name, item.size_bytes) for item in listing.items] == [
        ("a.bin", 10),
        ("deep/b.bin", 7),
    ]
    bucket = await list_items(at(options, "s3://bucket", recursive=True))
    assert len(bucket.items) == 3


async def test_what_cannot_be_signed_is_read_here(
    options: GetOptions, daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    anonymous = StorageOptions(options.storage.region, options.storage.endpoint)
    await get(at(options, options.url, storage=anonymous))
    assert (tmp_path / "out").read_bytes() == OBJECTS["models/a.bin"]
    assert daemon.asked == []


async def test_refusals_are_told(options: GetOptions) -> None:
    with pytest.raises(NotFound, match="s3://bucket/none: there is no such object"):
        await list_items(at(options, "s3://bucket/none"))
    with pytest.raises(MeganeuraError, match="refuses these credentials"):
        await list_items(at(options, "s3://closed/x"))
    with pytest.raises(NotFound, match="no objects"):
        await list_items(at(options, "s3://bucket/none", recursive=True))
