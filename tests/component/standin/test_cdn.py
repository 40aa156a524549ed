"""Signed URLs, ranges, plain files and the count of what leaves the CDN."""

from __future__ import annotations

import aiohttp
import pytest

from tests.standin import StandIn
from tests.standin.settings import SIGNINGS

SIZE = 1 << 20


def weights(standin: StandIn) -> bytes:
    return standin.state.repos["model", "org/tiny"].file("model.safetensors").content.data


async def signed(standin: StandIn, http: aiohttp.ClientSession) -> str:
    url = f"{standin.hub_url}/org/tiny/resolve/main/model.safetensors"
    async with http.head(url) as answer:
        return answer.headers["Location"]


async def get(
    http: aiohttp.ClientSession, url: str, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    from yarl import URL

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.get(URL(url, encoded=True), headers=named) as answer:
        return answer.status, dict(answer.headers), await answer.read()


@pytest.mark.parametrize("signing", SIGNINGS)
async def test_a_signed_url_opens_its_object_and_nothing_else(
    signing: str, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.settings.change(signing=signing)
    url = await signed(standin, http)
    assert (await get(http, url))[::2] == (200, weights(standin))
    assert (await get(http, url.partition("?")[0]))[0] == 403
    assert (await get(http, url.replace("octet-stream", "html")))[0] == 403
    prefix = "/repos/" if signing == "cloudfront" else "/xet-bridge-us/"
    assert url.startswith(standin.cdn_url + prefix)


async def test_a_signature_ends(standin: StandIn, http: aiohttp.ClientSession) -> None:
    standin.settings.change(signature_lifetime_s=-1)
    status, _, body = await get(http, await signed(standin, http))
    assert status == 403
    assert b"expired" in body


async def test_a_token_on_the_cdn_is_refused_and_counted(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    url = await signed(standin, http)
    assert (await get(http, url, Authorization="Bearer x"))[0] == 400
    assert standin.counters.cdn_authorization == 1
    assert standin.counters.bytes_of("org/tiny/model.safetensors") == 0


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        (f"bytes={SIZE - 5}-", SIZE - 5, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes=10-{SIZE * 2}", 10, SIZE),
    ],
)
async def test_ranges(
    header: str, start: int, end: int, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    status, headers, body = await get(http, await signed(standin, http), Range=header)
    assert (status, body) == (206, weights(standin)[start:end])
    assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert standin.counters.bytes_of("org/tiny/model.safetensors") == end - start


async def test_ranges_that_are_not_single(standin: StandIn, http: aiohttp.ClientSession) -> None:
    url = await signed(standin, http)
    status, headers, _ = await get(http, url, Range=f"bytes={SIZE}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{SIZE}")
    status, headers, body = await get(http, url, Range="bytes=0-3,10-13")
    assert status == 206
    assert headers["Content-Type"].startswith("multipart/byteranges")
    assert body.count(b"Content-Range: bytes ") == 2
    status, headers, body = await get(http, url, Range="bytes=0-3", If_Range='"another"')
    assert (status, len(body)) == (200, SIZE)
    etag = headers["Etag"]
    assert (await get(http, url, Range="bytes=0-3", If_Range=etag))[0] == 206
    assert (await get(http, url, If_None_Match=etag))[0] == 304


async def test_a_plain_file_needs_no_signature(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    from tests.standin.content import Content

    standin.state.plain["a.bin"] = Content(b"plain bytes")
    url = f"{standin.cdn_url}/plain/a.bin"
    assert (await get(http, url, Range="bytes=0-4"))[2] == b"plain"
    assert standin.counters.bytes_of("plain/a.bin") == 5
    assert (await get(http, f"{standin.cdn_url}/plain/b.bin"))[0] == 404
