"""The origin misbehaves: through seed, nodes and clients nothing wrong, stale or mixed arrives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed import MIB, Bed, started, watch
from tests.cluster.reader import Reader
from tests.e2e.secrets import READER, STRANGER, WRONG

pytestmark = pytest.mark.cluster

SIZE, LONG = 20 * MIB, 48 * MIB
FRESH_S = 1.0
RULE = {"proxy": {"proxies": [{"regx": "/plain/"}]}, "hub": {"refTtl": FRESH_S}}


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    seed = {"origin": {"readTimeout": 1}, **RULE}
    with started(tmp_path_factory.mktemp("origin"), nodes=2, seed=seed, node=RULE) as bed:
        yield bed


@pytest.fixture(autouse=True)
def _behaved(request: pytest.FixtureRequest, bed: Bed) -> Iterator[None]:
    watch(request, bed)
    yield
    bed.behave()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "times": 3},
        {"kind": "status", "status": 500, "times": 2, "skip": 1},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
        {"kind": "cut", "after_bytes": 3 * MIB + 11, "times": 2},
        {"kind": "cut", "after_bytes": 1, "reset": True, "times": 2},
        {"kind": "stall", "after_bytes": 2 * MIB + 7, "seconds": 3, "times": 1},
        {"kind": "slow", "seconds": 0.8, "times": 1},
        {"kind": "status", "status": 403, "times": 1},
        {"kind": "status", "status": 403, "times": 1, "skip": 1},
    ],
    ids=lambda fault: "-".join(str(v) for v in fault.values() if not isinstance(v, dict)),
)
def test_what_passes_is_retried_and_resumed_at_the_byte(fault: dict[str, object], bed: Bed) -> None:
    blob = bed.blob(SIZE)
    number = bed.standin.fault(on=["cdn"], object=blob.name, method="GET", **fault)  # type: ignore[arg-type]
    began = time.monotonic()
    for reader in bed.read_all(blob):
        received = reader.result()
        assert blob.is_whole(received), received
    if fault.get("status") == 429:
        assert time.monotonic() - began >= 1
    assert bed.standin.call("get", "faults")[number]["struck"] == fault["times"]
    # What was received before the fault is not asked for again, but for the unit in its middle.
    assert bed.origin_bytes(blob) <= SIZE + 4 * MIB


def test_an_answer_of_the_whole_to_a_range_is_not_taken_for_the_part(bed: Bed) -> None:
    blob = bed.blob(SIZE)
    bed.standin.fault("ignore_range", on=["cdn"], object=blob.name, times=2, skip=1)
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())


def test_an_origin_without_ranges_is_read_once_from_the_start(bed: Bed) -> None:
    blob = bed.plain(SIZE)
    bed.standin.fault("ignore_range", on=["plain"], object=blob.name)
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())


def test_wrong_bytes_are_never_a_complete_file_and_then_right(bed: Bed) -> None:
    blob = bed.blob(SIZE)
    bed.standin.fault("wrong_bytes", on=["cdn"], object=blob.name, times=1)
    first = [reader.result() for reader in bed.read_all(blob)]
    for received in first:
        assert blob.is_whole(received) or received.cut or received.status >= 500, received
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())


def test_a_client_that_goes_on_from_wrong_bytes_gets_no_mixed_file(
    bed: Bed, tmp_path: Path
) -> None:
    blob = bed.blob(SIZE)
    bed.standin.fault("wrong_bytes", on=["cdn"], object=blob.name, times=1)
    # What comes first is wrong and shown; that it is wrong is known when the rest has come.
    bed.standin.fault("slow", on=["cdn"], object=blob.name, seconds=1, skip=1, times=3)
    node = bed.swarm.nodes[0]
    half = tmp_path / "half"
    broken = bed.read(node, blob, file=half).result()
    assert broken.cut
    assert 0 < broken.size_bytes == half.stat().st_size
    # The whole instead of the rest: huggingface_hub begins again, others say that they cannot go on.
    for _ in range(3):
        go_on = {"Range": f"bytes={broken.size_bytes}-"}
        resumed = bed.read(node, blob, headers=go_on).result()
        assert resumed.status == 200
        if not resumed.cut:
            break
        broken = resumed
    assert blob.is_whole(resumed), resumed


def test_content_that_changes_between_requests_is_not_mixed(bed: Bed) -> None:
    old = bed.plain(LONG)
    bed.throttle(old, 8 * MIB)
    readers = bed.read_all(old)
    readers[0].wait_for(MIB)
    new = bed.plain(LONG, name=old.name.removeprefix("plain/"))
    for reader in readers:
        received = reader.result()
        assert received.cut or received.status == 502 or new.is_whole(received), received
    bed.behave()
    for reader in bed.read_all(new):
        received = reader.result()
        assert new.is_whole(received), received


def test_changed_content_is_not_taken_from_what_the_swarm_holds(bed: Bed) -> None:
    old = bed.plain(SIZE)
    for reader in bed.read_all(old):
        assert old.is_whole(reader.result())
    new = bed.plain(SIZE, name=old.name.removeprefix("plain/"))
    time.sleep(FRESH_S + 0.1)
    for reader in bed.read_all(new):
        assert new.is_whole(reader.result())


PRIVATE, GATED = "org/private", "org/gated"
UNCHANGED = ("content-type", "x-error-code", "x-error-message", "x-repo-commit", "content-range")


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (f"/{PRIVATE}/resolve/main/model.safetensors", None, 401),
        (f"/{PRIVATE}/resolve/main/model.safetensors", WRONG, 401),
        (f"/{PRIVATE}/resolve/main/model.safetensors", STRANGER, 404),
        (f"/{GATED}/resolve/main/model.safetensors", STRANGER, 403),
        ("/org/none/resolve/main/model.safetensors", STRANGER, 404),
        (f"/{PRIVATE}/resolve/main/none.bin", READER, 404),
        (f"/{PRIVATE}/resolve/none/model.safetensors", READER, 404),
        (f"/api/models/{GATED}/tree/none", READER, 404),
        (f"/api/models/{PRIVATE}", None, 401),
    ],
)
def test_the_hubs_refusals_pass_as_it_words_them(
    path: str, token: str | None, status: int, bed: Bed
) -> None:
    bed.blob(MIB, name=PRIVATE, private=True)
    bed.blob(MIB, name=GATED, gated="manual", readers=True)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    direct = Reader(bed.standin.hub_url + path, headers=headers).result()
    assert direct.status == status
    for node in bed.swarm.nodes:
        told = Reader(node.proxy_url + path, headers=headers).result()
        assert (told.status, told.body) == (direct.status, direct.body)
        for name in UNCHANGED:
            assert told.headers.get(name) == direct.headers.get(name), name


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_storages_refusals_pass_as_it_words_them(status: int, bed: Bed) -> None:
    blob = bed.blob(MIB)
    tell = {"X-Told-By": "the storage"}
    bed.standin.fault("status", on=["cdn"], object=blob.name, status=status, headers=tell)
    for reader in bed.read_all(blob):
        told = reader.result()
        assert told.status == status
        assert told.headers["x-told-by"] == "the storage"
        assert told.headers["content-type"] == "application/xml"
        assert b"<Code>" in told.body
    bed.behave()
    for reader in bed.read_all(blob):
        assert blob.is_whole(reader.result())


def test_a_range_past_the_end_is_refused_with_the_size(bed: Bed) -> None:
    for blob in (bed.blob(MIB), bed.plain(MIB)):
        for reader in bed.read_all(blob, headers={"Range": f"bytes={MIB}-"}):
            told = reader.result()
            assert told.status == 416
            assert told.headers["content-range"] == f"bytes */{MIB}"
