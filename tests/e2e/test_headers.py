"""The headers of Dragonfly's proxy: what a client may ask for, and what it is told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dfcore.ids import DEFAULT_FILTERED_QUERY_PARAMS, task_id_by_content, task_id_by_url
from tests.e2e.bed import MIB, Bed, Plan
from tests.e2e.http import Got, fetch
from tests.standin.process import StandInProcess

pytestmark = [pytest.mark.cluster, pytest.mark.clients]

TASK_ID, FINISHED = "X-Dragonfly-Task-ID", "X-Dragonfly-Task-Download-Finished"
USE = {"X-Dragonfly-Use-P2P": "true"}
SIZE = 9 << 20


def _node(standin: StandInProcess) -> dict[str, object]:
    return {
        "proxy": {"outputDirs": [str(_outputs(standin))]},
    }


def _outputs(standin: StandInProcess) -> Path:
    folder = standin.root.parent / "outputs"
    folder.mkdir(exist_ok=True)
    return folder


PLAN = Plan(node=_node)


@pytest.fixture
def outputs(bed: Bed) -> Path:
    return _outputs(bed.standin)


def plain(bed: Bed, size: int = MIB) -> str:
    return bed.plain(bed.weights(size))


def _done(bed: Bed) -> list[str]:
    """The node's lines of finished tasks."""
    return [line for line in bed.node.log_text().splitlines() if "peer task done" in line]


def ask(bed: Bed, url: str, **headers: str) -> Got:
    """Through the proxy and the swarm; `Piece_Length` stands for X-Dragonfly-Piece-Length."""
    named = {f"X-Dragonfly-{name.replace('_', '-')}": value for name, value in headers.items()}
    return fetch(url, proxy=bed.endpoint, headers=USE | named)


def test_the_swarm_is_used_only_if_asked_for(bed: Bed) -> None:
    elsewhere = plain(bed)
    without = fetch(elsewhere, proxy=bed.endpoint)
    assert (without.status, without.header(TASK_ID)) == (200, None)
    got = ask(bed, elsewhere)
    assert got.header(TASK_ID) == task_id_by_url(
        elsewhere, filtered_query_params=DEFAULT_FILTERED_QUERY_PARAMS
    )
    assert got.header("X-Dragonfly-Server-IP") == "127.0.0.1"
    assert got.header(FINISHED) is None
    # Content without a known digest is shown as it is verified part by part, and sealed after that.
    task = str(got.header(TASK_ID))
    assert bed.until(lambda: any(task in line for line in _done(bed)))
    assert ask(bed, elsewhere).header(FINISHED) == "true"


def test_tag_and_application_name_another_task(bed: Bed) -> None:
    url = plain(bed)
    ids = {
        ask(bed, url).header(TASK_ID),
        ask(bed, url, Tag="a").header(TASK_ID),
        ask(bed, url, Tag="a", Application="b").header(TASK_ID),
        ask(bed, url, Tag="a", Application="b").header(TASK_ID),
    }
    assert len(ids) == 3


def test_a_piece_length_names_another_task(bed: Bed) -> None:
    url = plain(bed, SIZE)
    first = ask(bed, url)
    second = ask(bed, url, Piece_Length="4MiB")
    assert first.header(TASK_ID) != second.header(TASK_ID)
    assert first.sha256 == second.sha256
    for wrong in ("3MiB", "1MiB", "much"):
        assert ask(bed, url, Piece_Length=wrong).status == 400


def test_filtered_parameters_do_not_tell_contents_apart(bed: Bed) -> None:
    url = plain(bed)
    one = ask(bed, f"{url}?a=1&stamp=1", Filtered_Query_Params="stamp, other")
    two = ask(bed, f"{url}?a=1&stamp=2", Filtered_Query_Params="stamp, other")
    three = ask(bed, f"{url}?a=2&stamp=2", Filtered_Query_Params="stamp, other")
    assert one.header(TASK_ID) == two.header(TASK_ID)
    assert one.header(TASK_ID) != three.header(TASK_ID)
    assert one.sha256 == two.sha256


def test_content_for_the_task_id(bed: Bed) -> None:
    name = bed.fresh("content")
    got = ask(bed, plain(bed), Content_For_Calculating_Task_ID=name)
    assert got.header(TASK_ID) == task_id_by_content(name)


def test_a_blob_digest_in_the_url_names_the_task_unless_told_otherwise(bed: Bed) -> None:
    data = bed.fresh("blob").encode() * 1000
    digest = hashlib.sha256(data).hexdigest()
    name = f"v2/some/image/blobs/sha256:{digest}"
    bed.standin.call("post", "plain", name=name, file={"hex": data.hex()})
    url = f"{bed.standin.web_url}/plain/{name}"
    for got in (
        ask(bed, url),
        ask(bed, url, Enable_Task_ID_Based_Blob_Digest="true"),
        ask(bed, url, Enable_Task_ID_Based_Blob_Digest="false"),
    ):
        assert got.body == data
    by_digest = ask(bed, url).header(TASK_ID)
    assert ask(bed, url, Enable_Task_ID_Based_Blob_Digest="false").header(TASK_ID) != by_digest


@pytest.mark.parametrize("value", ["0", "3", "4", "5", "6"])
def test_a_priority_is_taken(value: str, bed: Bed) -> None:
    assert ask(bed, plain(bed), Priority=value).status == 200


@pytest.mark.parametrize(("value", "status"), [("1", 403), ("2", 404)])
def test_a_priority_that_forbids_the_download_is_told(value: str, status: int, bed: Bed) -> None:
    url = plain(bed)
    got = ask(bed, url, Priority=value)
    assert got.status == status
    assert f"LEVEL{value}".encode() in got.body
    assert ask(bed, url).status == 200
    assert ask(bed, url, Priority=value).status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Priority", "7"),
        ("Priority", "high"),
        ("Prefetch", "perhaps"),
        ("Force_Hard_Link", "1"),
        ("Use_P2P", "yes"),
    ],
)
def test_a_wrong_value_is_refused_and_named(name: str, value: str, bed: Bed) -> None:
    got = ask(bed, plain(bed), **{name: value})
    assert got.status == 400
    assert f"X-Dragonfly-{name.replace('_', '-')}".encode() in got.body
    assert got.header("X-Dragonfly-Error-Type") == "proxy"


def test_prefetch_brings_the_whole_for_a_range(bed: Bed) -> None:
    url = plain(bed, SIZE)
    part = USE | {"Range": "bytes=0-9", "X-Dragonfly-Prefetch": "true"}
    assert fetch(url, proxy=bed.endpoint, headers=part).status == 206
    assert bed.until(lambda: bed.standin.bytes_of(url.split("/", 3)[3]) >= SIZE)
    assert bed.until(lambda: ask(bed, url).header(FINISHED) == "true")


def test_no_prefetch_unless_asked_for(bed: Bed) -> None:
    url = plain(bed, SIZE)
    part = USE | {"Range": "bytes=0-9", "X-Dragonfly-Prefetch": "false"}
    assert fetch(url, proxy=bed.endpoint, headers=part).status == 206
    assert bed.standin.bytes_of(url.split("/", 3)[3]) <= 1 << 20


def test_an_output_path_below_an_allowed_folder_gets_the_file(bed: Bed, outputs: Path) -> None:
    target = outputs / bed.fresh("model")
    got = ask(bed, plain(bed), Output_Path=str(target), Force_Hard_Link="true")
    assert got.status == 200
    assert hashlib.sha256(target.read_bytes()).hexdigest() == got.sha256
    assert target.stat().st_nlink > 1


def test_an_output_path_is_refused_anywhere_else(bed: Bed, outputs: Path, home: Path) -> None:
    (outputs / "link").symlink_to(home)
    url = plain(bed)
    for path in (
        str(home / "x"),
        "relative/x",
        str(outputs / ".." / "x"),
        str(outputs / "link" / "x"),
        "/etc/cron.d/x",
    ):
        got = ask(bed, url, Output_Path=path)
        assert got.status == 403, path
        assert b"Output-Path" in got.body
    assert not list(home.iterdir())


def test_an_existing_file_is_not_overwritten(bed: Bed, outputs: Path) -> None:
    target = outputs / bed.fresh("there")
    target.write_text("precious")
    assert ask(bed, plain(bed), Output_Path=str(target)).status == 400
    assert target.read_text() == "precious"


def test_an_error_of_the_origin_says_so(bed: Bed) -> None:
    got = ask(bed, f"{bed.standin.web_url}/plain/absent")
    direct = fetch(f"{bed.standin.cdn_url}/plain/absent")
    assert (got.status, got.body) == (404, direct.body)


def test_the_origin_hears_nothing_of_it(bed: Bed) -> None:
    ask(bed, plain(bed), Tag="a", Application="b", Priority="5")
    asked = [r["headers"] for r in bed.requests("plain")]
    assert asked
    assert not any(name.lower().startswith("x-dragonfly") for h in asked for name in h)


def test_a_registry_is_named_by_the_request(bed: Bed) -> None:
    url = plain(bed)
    path = url.removeprefix(bed.standin.web_url)
    for registry in (bed.standin.web_url, f"{bed.standin.web_url}/"):
        named = USE | {"X-Dragonfly-Registry": registry}
        got = fetch(bed.endpoint + path, headers=named)
        assert got.status == 200
        assert got.sha256 == fetch(url).sha256
    assert fetch(bed.endpoint + path, headers={"X-Dragonfly-Registry": "ftp://x"}).status == 400
