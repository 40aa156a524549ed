"""Items: where they go, what is chosen, what the daemon is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcore.digest import Digest
from dfcore.errors import BadInput, NotFound, OriginBroken, OriginRefused
from dfdaemon.cli.items import GetOptions, Item, Listing, place, safe_name
from dfdaemon.cli.refusal import told
from dfdaemon.cli.request import download_message
from dfdaemon.cli.sources import list_items
from dfdaemon.task.spec import Headers
from dfdaemon.task.spec_proto import from_download

FILE = Listing("model.bin", (Item("model.bin", "http://o/model.bin"),), single=True)
REPO = Listing("r", (Item("a.txt", "http://o/a"), Item("sub/b.bin", "http://o/b")), single=False)


def test_a_file_goes_to_the_output_or_into_the_folder(tmp_path: Path) -> None:
    assert place(FILE, tmp_path / "x")[0][1] == tmp_path / "x"
    assert place(FILE, tmp_path)[0][1] == tmp_path / "model.bin"
    assert place(FILE, None)[0][1] == Path.cwd() / "model.bin"


def test_files_of_a_repository_go_below_the_output(tmp_path: Path) -> None:
    assert [path for _, path in place(REPO, tmp_path)] == [
        tmp_path / "a.txt",
        tmp_path / "sub/b.bin",
    ]


def test_a_repository_does_not_go_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(BadInput, match="is a file"):
        place(REPO, tmp_path / "f")


def test_a_folder_is_no_place_for_a_nameless_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a folder"):
        place(Listing("", FILE.items, single=True), tmp_path)


def test_patterns_choose_files() -> None:
    assert [i.name for i in REPO.only(("*.bin",)).items] == ["sub/b.bin"]
    with pytest.raises(NotFound, match="--include-files"):
        REPO.only(("*.gguf",))
    with pytest.raises(BadInput):
        FILE.only(("*",))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a\0b"])
def test_a_listing_does_not_lead_out_of_the_folder(name: str) -> None:
    with pytest.raises(OriginBroken):
        safe_name(name)


def test_the_daemon_is_asked_for_the_file_at_its_place() -> None:
    digest = Digest("sha256", "ab" * 32)
    item = Item(
        "m",
        "http://o/m",
        5,
        digest,
        str(digest),
        headers=Headers({"Authorization": "Bearer x"}),
        filtered_query_params=("sig",),
    )
    options = GetOptions("", tag="t", application="a", piece_length=4 << 20, priority=3)
    message = download_message(item, options, output=Path("/out/m"))
    assert (message.output_path, message.need_piece_content) == ("/out/m", False)
    spec = from_download(message)
    assert (spec.url, spec.digest, spec.content) == (item.url, digest, str(digest))
    assert (spec.tag, spec.application, spec.piece_length, spec.priority) == ("t", "a", 4 << 20, 3)
    assert spec.filtered_query_params == ("sig",)
    assert spec.restricted


def test_the_rest_of_a_file_is_asked_for_by_a_range() -> None:
    message = download_message(FILE.items[0], GetOptions(""), output=None, start=1 << 26)
    assert message.need_piece_content
    assert message.range.start == 1 << 26
    assert not message.output_path


async def test_a_password_in_the_url_becomes_a_header() -> None:
    listing = await list_items(GetOptions("http://me:pa%20ss@host:1/x.bin?q=1#top"))
    (item,) = listing.items
    assert item.url == "http://host:1/x.bin?q=1"
    assert item.headers["Authorization"] == "Basic bWU6cGEgc3M="
    assert "pa" not in repr(item.headers)


async def test_a_digest_that_the_user_claims_names_no_task() -> None:
    wanted = Digest("sha256", "ab" * 32)
    (item,) = (await list_items(GetOptions("http://h/x", digest=wanted))).items
    assert (item.digest, item.content) == (wanted, None)


async def test_a_blob_of_a_registry_is_named_by_its_url() -> None:
    url = f"https://r/v2/lib/x/blobs/sha256:{'ab' * 32}"
    assert (await list_items(GetOptions(url))).items[0].digest == Digest("sha256", "ab" * 32)


@pytest.mark.parametrize("url", ["ftp://h/x", "h/x", "http://", "http://h:port/x", "http:///x"])
async def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadInput):
        await list_items(GetOptions(url))


@pytest.mark.parametrize(
    ("headers", "body", "line"),
    [
        ({}, b'{"error":"Not here"}', "x: the origin answered 404 Not Found: Not here"),
        ({"X-Error-Message": "Gone"}, b"", "x: the origin answered 404 Not Found: Gone"),
        ({}, b"<html>\n", "x: the origin answered 404 Not Found"),
        ({}, b"two\nlines", "x: the origin answered 404 Not Found: two lines"),
        ({}, b'{"a', "x: the origin answered 404 Not Found"),
    ],
)
def test_a_refusal_is_one_line(headers: dict[str, str], body: bytes, line: str) -> None:
    assert str(told("x", OriginRefused(404, headers, body))) == line
