"""The origin's good and bad answers, and what becomes of them in the blob."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from blobstore import Blob, BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import (
    BadInput,
    ContentChanged,
    OriginBroken,
    OriginRefused,
    OriginUnreachable,
    Unavailable,
)
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfdaemon.fetch.answers import OPEN_END
from dfdaemon.fetch.limiter import RateLimiter
from dfdaemon.fetch.origin import OriginConfig, OriginPool, OriginRequest, OriginStream
from dfinfra import tls
from dfinfra.jobs import spawn
from tests.component.dfdaemon_plane.bed import (
    CONTENT,
    SIZE,
    UNIT,
    UNITS,
    bytes_of,
    make_blob,
)
from tests.component.dfdaemon_plane.httporigin import Asked, answer, chunked, origin, part

Stores = Callable[[str], BlobStore]
HASTY = OriginConfig(connect_timeout_s=0.5, read_timeout_s=0.3)


@asynccontextmanager
async def pool_of(config: OriginConfig = HASTY) -> AsyncIterator[OriginPool]:
    pool = OriginPool(config)
    try:
        yield pool
    finally:
        await pool.aclose()


@asynccontextmanager
async def opened(pool: OriginPool, request: OriginRequest) -> AsyncIterator[OriginStream]:
    stream = await pool.open(request)
    try:
        yield stream
    finally:
        await stream.aclose()


def holds_exactly(blob: Blob, units: range) -> None:
    assert list(blob.held.iter_set()) == list(units)
    for unit in units:
        assert blob.digests(unit) == unit_digest(bytes_of(unit))


async def test_whole_blob_in_one_request(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    told: list[tuple[int, bytes]] = []
    async with origin(part) as source, pool_of() as pool:
        async with opened(pool, OriginRequest(source.url)) as stream:
            assert (stream.status, stream.size_bytes, stream.validator) == (200, SIZE, '"v1"')
            assert stream.accepts_ranges
            assert stream.range == ByteRange(0, SIZE)
            received = await stream.into(
                blob, 0, UNITS, lambda unit, digest: told.append((unit, digest))
            )
            assert received == SIZE
    holds_exactly(blob, range(UNITS))
    assert [unit for unit, _ in told] == list(range(UNITS))
    assert blob.pread(0, SIZE) == CONTENT


async def test_runs_of_units_on_one_connection(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    async with origin(part) as source, pool_of() as pool:
        for first, until in ((4, 8), (0, 4), (8, UNITS)):
            wanted = ByteRange(first * UNIT, min(until * UNIT, SIZE))
            request = OriginRequest(source.url, range=wanted, validator='"v1"', size_bytes=SIZE)
            async with opened(pool, request) as stream:
                assert (stream.status, stream.range) == (206, wanted)
                await stream.into(blob, first, until)
    holds_exactly(blob, range(UNITS))
    assert source.connections == 1
    assert [each.headers["accept-encoding"] for each in source.asked] == ["identity"] * 3


async def test_first_request_may_ask_for_a_range_of_the_unknown(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    async with origin(part) as source, pool_of() as pool:
        for end in (OPEN_END, SIZE * 2):
            request = OriginRequest(source.url, range=ByteRange(0, end))
            async with opened(pool, request) as stream:
                assert stream.size_bytes == SIZE
                await stream.into(blob, 0, UNITS)
    assert source.asked[0].headers["range"] == "bytes=0-"


async def test_held_units_are_passed_over(store_of: Stores) -> None:
    blob = make_blob(store_of("n"), [1, 3])
    told: list[int] = []
    async with origin(part) as source, pool_of() as pool:
        async with opened(pool, OriginRequest(source.url)) as stream:
            await stream.into(blob, 0, 5, lambda unit, _: told.append(unit))
    assert told == [0, 2, 4]
    holds_exactly(blob, range(5))


async def test_origin_without_ranges(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    async with origin(lambda _: answer(200, CONTENT)) as source, pool_of() as pool:
        request = OriginRequest(source.url, range=ByteRange(0, 100))
        async with opened(pool, request) as stream:
            assert not stream.accepts_ranges
            assert stream.range == ByteRange(0, SIZE)
            await stream.into(blob, 1, 3)
        with pytest.raises(OriginBroken, match="whole"):
            await pool.open(OriginRequest(source.url, range=ByteRange(UNIT, 2 * UNIT)))
    holds_exactly(blob, range(1, 3))


async def test_empty_blob(store_of: Stores) -> None:
    blob = store_of("n").create("e" * 64, Geometry.for_size(0))

    def empty(asked: Asked) -> bytes:
        if asked.range is None:
            return answer(200)
        return answer(416, b"there is nothing", Content_Range="bytes */0")

    async with origin(empty) as source, pool_of() as pool:
        for wanted in (None, ByteRange(0, 4 * UNIT)):
            async with opened(pool, OriginRequest(source.url, range=wanted)) as stream:
                assert (stream.size_bytes, stream.range) == (0, ByteRange(0, 0))
                assert await stream.into(blob, 0, 0) == 0
                assert await stream.read(100) == b""
        with pytest.raises(ContentChanged):
            await pool.open(OriginRequest(source.url, range=ByteRange(0, 9), size_bytes=9))
        with pytest.raises(OriginRefused):
            await pool.open(OriginRequest(source.url, range=ByteRange(1, 9)))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
async def test_refusal_is_passed_on_unchanged(status: int) -> None:
    def refuse(_: Asked) -> bytes:
        return answer(status, b'{"error": "no"}', X_Error_Code="GatedRepo")

    async with origin(refuse) as source, pool_of() as pool:
        with pytest.raises(OriginRefused) as refused:
            await pool.open(OriginRequest(source.url))
    error = refused.value
    assert (error.status, error.body) == (status, b'{"error": "no"}')
    assert error.headers["x-error-code"] == "GatedRepo"
    assert len(source.asked) == 1


@pytest.mark.parametrize(
    ("status", "retry_after", "wait_s"),
    [(429, "7", 7.0), (503, "", None), (500, "soon", None), (408, "0", 0.0), (502, "1", 1.0)],
)
async def test_origin_that_cannot_now(status: int, retry_after: str, wait_s: float | None) -> None:
    async with origin(lambda _: answer(status, Retry_After=retry_after)) as source:
        async with pool_of() as pool:
            with pytest.raises(Unavailable) as told:
                await pool.open(OriginRequest(source.url))
    assert told.value.retry_after_s == wait_s


async def test_body_that_is_cut_off_keeps_its_whole_units(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))

    def cut(asked: Asked) -> bytes:
        return answer(200, CONTENT[: 2 * UNIT + 5], length=SIZE)

    async with origin(cut) as source, pool_of() as pool:
        source.keep_alive = False
        async with opened(pool, OriginRequest(source.url)) as stream:
            with pytest.raises(OriginBroken, match="cut off"):
                await stream.into(blob, 0, UNITS)
    holds_exactly(blob, range(2))


async def test_part_that_is_shorter_than_asked_for(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))

    def short(asked: Asked) -> bytes:
        return answer(206, CONTENT[:UNIT], Content_Range=f"bytes 0-{UNIT - 1}/{SIZE}")

    async with origin(short) as source, pool_of() as pool:
        async with opened(pool, OriginRequest(source.url, range=ByteRange(0, 2 * UNIT))) as stream:
            with pytest.raises(OriginBroken):
                await stream.into(blob, 0, 2)
    holds_exactly(blob, range(1))


async def test_body_that_stalls(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    async with origin(lambda _: answer(200, CONTENT[:UNIT], length=SIZE)) as source:
        source.stall = True
        async with pool_of() as pool, opened(pool, OriginRequest(source.url)) as stream:
            with pytest.raises(OriginBroken, match="stopped"):
                await stream.into(blob, 0, UNITS)
    holds_exactly(blob, range(1))


async def test_slow_origin_is_borne_with(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    async with origin(part) as source, pool_of() as pool:
        async with opened(pool, OriginRequest(source.url)) as stream:
            limiter = RateLimiter(20_000_000, 100_000)
            await stream.into(blob, 0, UNITS, None, limiter)
    holds_exactly(blob, range(UNITS))


@pytest.mark.parametrize("headers", [{"ETag": '"v2"'}, {"ETag": "", "Last_Modified": "today"}])
async def test_changed_validator(headers: dict[str, str]) -> None:
    async with origin(lambda asked: part(asked, **headers)) as source, pool_of() as pool:
        with pytest.raises(ContentChanged):
            await pool.open(OriginRequest(source.url, range=ByteRange(9, 99), validator='"v1"'))


async def test_weak_validator_of_the_same_content() -> None:
    async with origin(lambda asked: part(asked, ETag='W/"v1"')) as source, pool_of() as pool:
        async with opened(pool, OriginRequest(source.url, validator='"v1"')) as stream:
            assert stream.validator == 'W/"v1"'


async def test_changed_size(store_of: Stores) -> None:
    async with origin(lambda asked: part(asked, content=CONTENT + b"x")) as source:
        async with pool_of() as pool:
            with pytest.raises(ContentChanged):
                await pool.open(OriginRequest(source.url, size_bytes=SIZE))
            async with opened(pool, OriginRequest(source.url)) as stream:
                with pytest.raises(ContentChanged):
                    await stream.into(make_blob(store_of("n")), 0, UNITS)


@pytest.mark.parametrize(
    "place",
    ["", "bytes 5-9/100", "bytes 0-9/5", "bytes */100", "lines 0-9/100", "bytes 0-999/1000"],
)
async def test_part_of_it_knows_not_what(place: str) -> None:
    async with origin(lambda _: answer(206, b"0123456789", Content_Range=place)) as source:
        async with pool_of() as pool:
            with pytest.raises(OriginBroken):
                await pool.open(OriginRequest(source.url, range=ByteRange(0, 10)))


async def test_body_without_a_length_is_spooled(tmp_path: Path) -> None:
    async with origin(lambda _: chunked(CONTENT)) as source, pool_of() as pool:
        for _ in range(2):
            async with opened(pool, OriginRequest(source.url)) as stream:
                assert (stream.size_bytes, stream.range) == (None, None)
                with (tmp_path / "spool").open("w+b") as file:
                    assert await stream.spool(file.fileno(), SIZE) == SIZE
                    assert file.read() == CONTENT
        assert source.connections == 1
        async with opened(pool, OriginRequest(source.url)) as stream:
            with pytest.raises(OriginBroken, match="more than"):
                await stream.read(SIZE - 1)


async def test_body_without_a_length_whose_size_is_known(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    async with origin(lambda _: chunked(CONTENT)) as source, pool_of() as pool:
        for _ in range(2):
            async with opened(pool, OriginRequest(source.url, size_bytes=SIZE)) as stream:
                await stream.into(blob, 0, UNITS)
    holds_exactly(blob, range(UNITS))
    assert source.connections == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (chunked(CONTENT, end=b""), OriginBroken),
        (chunked(CONTENT, end=b"nonsense\r\n"), OriginBroken),
        (chunked(CONTENT + b"x"), ContentChanged),
        (chunked(CONTENT[:-1]), OriginBroken),
    ],
)
async def test_bad_bodies_without_a_length(
    store_of: Stores, body: bytes, error: type[Exception]
) -> None:
    blob = make_blob(store_of("n"))
    async with origin(lambda _: body) as source, pool_of() as pool:
        source.keep_alive = False
        async with opened(pool, OriginRequest(source.url)) as stream:
            with pytest.raises(error):
                await stream.into(blob, 0, UNITS)


@pytest.mark.parametrize(
    "nonsense", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 304 No\r\n\r\n"]
)
async def test_what_is_no_answer(nonsense: bytes) -> None:
    async with origin(lambda _: nonsense) as source, pool_of() as pool:
        source.keep_alive = False
        with pytest.raises(OriginBroken):
            await pool.open(OriginRequest(source.url))


async def test_origin_that_does_not_answer() -> None:
    async with origin(lambda _: b"") as source, pool_of() as pool:
        source.stall = True
        with pytest.raises(OriginUnreachable):
            await pool.open(OriginRequest(source.url))
    async with pool_of() as pool:
        with pytest.raises(OriginUnreachable):
            await pool.open(OriginRequest(source.url))


async def test_kept_connection_that_has_ended_is_replaced() -> None:
    async with origin(part) as source, pool_of() as pool:
        async with opened(pool, OriginRequest(source.url)) as stream:
            source.keep_alive = False
            assert await stream.read(SIZE) == CONTENT
        for _ in range(3):
            async with opened(pool, OriginRequest(source.url)) as stream:
                assert await stream.read(SIZE) == CONTENT


@pytest.mark.parametrize("url", ["ftp://host/x", "http://", "/etc/passwd", "http://h:99999/"])
async def test_url_that_is_no_origin(url: str) -> None:
    async with pool_of() as pool:
        with pytest.raises(BadInput):
            await pool.open(OriginRequest(url))


async def test_header_that_http_cannot_carry() -> None:
    async with origin(part) as source, pool_of() as pool:
        with pytest.raises(BadInput):
            await pool.open(OriginRequest(source.url, {"X-Evil": "a\r\nHost: b"}))
    assert not source.asked


async def test_cancelled_run_has_stopped_writing(store_of: Stores) -> None:
    blob = make_blob(store_of("n"))
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with origin(lambda _: answer(200, CONTENT[: 3 * UNIT], length=SIZE)) as source:
        source.stall = True
        async with pool_of(OriginConfig()) as pool:
            async with opened(pool, OriginRequest(source.url)) as stream:
                job = spawn(
                    stream.into(
                        blob,
                        0,
                        UNITS,
                        lambda *_: loop.call_soon_threadsafe(started.set),
                    ),
                    name="run",
                )
                await started.wait()
                job.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await job


async def test_cancelled_open_returns_at_once() -> None:
    async with origin(lambda _: b"") as source:
        source.stall = True
        async with pool_of(OriginConfig()) as pool:
            job = spawn(pool.open(OriginRequest(source.url)), name="open")
            async with asyncio.timeout(5):
                await source.was_asked.wait()
            job.cancel()
            with pytest.raises(asyncio.CancelledError):
                await job


async def test_tls_is_verified_unless_told_otherwise(tmp_path: Path) -> None:
    identity = tls.issue(tls.create_ca(tmp_path), tmp_path, "origin", ips=("127.0.0.1",))
    context = tls.server_context(identity)
    context.verify_mode = ssl.CERT_NONE
    async with origin(part, tls=context) as source:
        async with pool_of() as pool:
            with pytest.raises(OriginUnreachable):
                await pool.open(OriginRequest(source.url))
            request = OriginRequest(source.url, insecure_skip_verify=True)
            async with opened(pool, request) as stream:
                assert await stream.read(SIZE) == CONTENT
            with pytest.raises(OriginUnreachable):
                await pool.open(OriginRequest(source.url))
        async with pool_of(OriginConfig(ca_file=str(identity.ca))) as pool:
            async with opened(pool, OriginRequest(source.url)) as stream:
                assert await stream.read(SIZE) == CONTENT
