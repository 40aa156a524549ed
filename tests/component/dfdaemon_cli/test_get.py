"""dfget against a daemon's socket: placing, writing, resuming, verifying, refusing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dfcore.backoff import Backoff
from dfcore.digest import Digest
from dfcore.errors import (
    BadInput,
    DigestMismatch,
    MeganeuraError,
    OriginBroken,
    OriginRefused,
    TimedOut,
    Unavailable,
)
from dfdaemon.cli import download
from dfdaemon.cli.get import Summary, get
from dfdaemon.cli.items import GetOptions
from tests.component.dfdaemon_cli.fakes import FakeDaemon, command

URL = "http://origin/file.bin"
DATA = b"0123456789abcdef!"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "file.bin"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Backoff(base_s=0.001, cap_s=0.001)
    monkeypatch.setattr(download.Downloader.__init__, "__defaults__", (quick,))


@pytest.fixture
def options(daemon: FakeDaemon, socket_path: Path, out: Path) -> GetOptions:
    daemon.contents[URL] = DATA
    return GetOptions(URL, output=out, endpoint=socket_path)


def but(options: GetOptions, **changes: object) -> GetOptions:
    return GetOptions(**{**vars(options), **changes})  # type: ignore[arg-type]


def digest(data: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(data).hexdigest())


async def test_the_file_is_written_from_pieces(options: GetOptions, out: Path) -> None:
    assert await get(options) == Summary(files=1, size_bytes=len(DATA), were_there=0)
    assert out.read_bytes() == DATA
    assert [path.name for path in out.parent.iterdir()] == ["file.bin"]


async def test_an_empty_file_is_a_file(daemon: FakeDaemon, options: GetOptions, out: Path) -> None:
    daemon.contents[URL] = b""
    await get(options)
    assert out.read_bytes() == b""


async def test_the_daemon_links_where_it_may(
    daemon: FakeDaemon, options: GetOptions, out: Path, tmp_path: Path
) -> None:
    daemon.output_dirs, daemon.store = (out.parent,), tmp_path
    await get(but(options, force_hard_link=True))
    assert out.read_bytes() == DATA
    assert out.stat().st_nlink == 2
    assert [asked.need_piece_content for asked in daemon.asked] == [False]


async def test_a_copy_is_no_hard_link(daemon: FakeDaemon, options: GetOptions, out: Path) -> None:
    daemon.output_dirs = (out.parent,)
    with pytest.raises(BadInput, match="--force-hard-link"):
        await get(but(options, force_hard_link=True))
    assert not out.exists()


async def test_a_demanded_link_that_is_denied_fails(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    with pytest.raises(MeganeuraError, match="outputDirs"):
        await get(but(options, force_hard_link=True))
    assert not out.exists()


async def test_a_placed_file_of_another_digest_is_removed(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    daemon.output_dirs = (out.parent,)
    wanted = Digest("md5", hashlib.md5(b"else").hexdigest())
    with pytest.raises(MeganeuraError, match="not md5:"):
        await get(but(options, digest=wanted))
    assert not out.exists()


async def test_a_broken_download_goes_on_by_itself(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    broken: set[int] = set()

    def break_once_each(offset: int) -> None:
        if offset >= 8 and offset not in broken:
            broken.add(offset)
            raise Unavailable("restarting")

    daemon.before_piece = break_once_each
    await get(options)
    assert out.read_bytes() == DATA
    # Denied to place it, from the start, then each time from the last border before the end.
    assert [asked.range.start for asked in daemon.asked] == [0, 0, 4, 8, 12]


async def test_what_never_begins_is_not_tried_again(
    daemon: FakeDaemon, options: GetOptions
) -> None:
    daemon.refusal = Unavailable("the origin is away")
    with pytest.raises(MeganeuraError, match="away"):
        await get(options)
    assert len(daemon.asked) == 1


async def test_the_next_run_goes_on_where_the_last_ended(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    daemon.before_piece = fail_at(12, OriginBroken("cut"))
    with pytest.raises(MeganeuraError, match="cut"):
        await get(options)
    assert not out.exists()
    daemon.before_piece = lambda offset: None
    daemon.asked.clear()
    await get(but(options, digest=Digest("md5", hashlib.md5(DATA).hexdigest())))
    assert out.read_bytes() == DATA
    assert [asked.range.start for asked in daemon.asked] == [8]


async def test_content_that_changed_between_runs_is_not_mixed(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    daemon.headers = {"ETag": '"one"'}
    daemon.before_piece = fail_at(12, OriginBroken("cut"))
    with pytest.raises(MeganeuraError):
        await get(options)
    daemon.before_piece = lambda offset: None
    daemon.headers = {"ETag": '"two"'}
    daemon.contents[URL] = DATA.upper()
    await get(options)
    assert out.read_bytes() == DATA.upper()


async def test_pieces_in_any_order_make_the_file(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    daemon.order = lambda offsets: offsets[::-1]
    await get(but(options, digest=Digest("md5", hashlib.md5(DATA).hexdigest())))
    assert out.read_bytes() == DATA


async def test_a_wrong_content_is_not_delivered(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    wanted = digest(b"else")
    with pytest.raises(MeganeuraError, match="not sha256:"):
        await get(but(options, digest=wanted))
    assert list(out.parent.iterdir()) == []


async def test_a_file_that_is_there_is_kept(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    out.parent.mkdir()
    out.write_bytes(b"mine")
    with pytest.raises(BadInput, match="--overwrite"):
        await get(options)
    assert (out.read_bytes(), daemon.asked) == (b"mine", [])
    await get(but(options, overwrite=True))
    assert out.read_bytes() == DATA


async def test_a_file_that_is_there_with_the_digest_is_done(
    daemon: FakeDaemon, options: GetOptions, out: Path
) -> None:
    out.parent.mkdir()
    out.write_bytes(DATA)
    summary = await get(but(options, digest=digest(DATA)))
    assert (summary.were_there, daemon.asked) == (1, [])


async def test_the_origins_refusal_is_told(daemon: FakeDaemon, options: GetOptions) -> None:
    daemon.refusal = OriginRefused(403, {"X-Error-Message": "ask the owner"}, b"")
    with pytest.raises(MeganeuraError) as caught:
        await get(options)
    assert str(caught.value) == "file.bin: the origin answered 403 Forbidden: ask the owner"
    assert caught.value.exit_code == 1


async def test_a_deadline_is_kept(daemon: FakeDaemon, options: GetOptions) -> None:
    with pytest.raises(TimedOut, match="goes on from there"):
        await get(but(options, timeout_s=0.0))


async def test_the_wishes_reach_the_daemon(daemon: FakeDaemon, options: GetOptions) -> None:
    wished = but(options, tag="t", priority=2, disable_back_to_source=True, timeout_s=60.0)
    await get(wished)
    asked = daemon.asked[0]
    assert (asked.tag, asked.priority, asked.disable_back_to_source) == ("t", 2, True)
    assert asked.timeout.seconds == 60
    assert "X-Amz-Signature" in asked.filtered_query_params


async def test_the_command_says_one_line_and_ends(
    daemon: FakeDaemon, options: GetOptions, socket_path: Path, out: Path
) -> None:
    done = await command("dfget", URL, "-O", out, "--endpoint", socket_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert out.read_bytes() == DATA
    again = await command("dfget", URL, "-O", out, "--endpoint", socket_path)
    assert again.code == 2
    assert again.err == f"dfget: {out} exists already; --overwrite replaces it\n"
    daemon.refusal = OriginRefused(404, {}, b"")
    gone = await command("dfget", URL, "-O", f"{out}2", env={"DFGET_ENDPOINT": str(socket_path)})
    assert (gone.code, gone.err) == (1, "dfget: file.bin: the origin answered 404 Not Found\n")
    nobody = await command("dfget", URL, "-O", f"{out}3", "--endpoint", f"{socket_path}x")
    assert nobody.code == 1
    assert nobody.err.startswith(f"dfget: no dfdaemon answers at {socket_path}x")


def fail_at(at: int, error: MeganeuraError) -> Callable[[int], None]:
    def fail(offset: int) -> None:
        if offset == at:
            raise error

    return fail


def test_a_mismatch_is_not_tried_again() -> None:
    assert not download._may_help(DigestMismatch("x"))
    assert download._may_help(Unavailable("x"))
