"""Object stores behind the one interface: a directory, memory, and a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dfcore.errors import BadInput, Denied, MeganeuraError, NotFound, Unavailable
from dffs.object.opening import Location, open_store, split_azure, split_s3
from dffs.object.remote import Timeouts
from dffs.object.store import ObjectStore
from tests.component.dffs_data.emulators import EMULATORS, Running, new_bucket
from tests.servers import shared
from tests.swarm.ports import free_port


@pytest.fixture(params=["file", "memory", "s3", *EMULATORS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param in EMULATORS:
        return open_store(new_bucket(request.param, request.getfixturevalue("emulators")))
    if request.param == "s3":
        bucket = shared.s3_bucket()
        url = f"{bucket.endpoint}/{bucket.name}"
        return open_store(
            Location("s3", url, access_key=bucket.access_key, secret_key=bucket.secret_key)
        )
    return open_store(Location(request.param, str(tmp_path / "bucket")))


@pytest.fixture(scope="module")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("emulators"))
    yield running
    running.stop()


def test_objects_come_back_as_they_were_put(store: ObjectStore) -> None:
    assert store.put("v/a", b"first")
    assert bytes(store.get("v/a")) == b"first"
    assert bytes(store.get_range("v/a", 1, 3)) == b"irs"
    info = store.head("v/a")
    assert info is not None
    assert info.size_bytes == 5
    assert store.head("v/b") is None
    with pytest.raises(NotFound):
        store.get("v/b")


def test_what_is_there_is_not_put_again(store: ObjectStore) -> None:
    assert store.put("v/a", b"first", create=True)
    if store.put("v/a", b"other", create=True) and store.url.startswith("gs:"):
        pytest.skip("the emulator heeds no conditions: test_google.py has a server that does")
    store.delete(["v/a"])
    assert store.put("v/a", b"first", create=True)
    assert not store.put("v/a", b"other", create=True)
    assert bytes(store.get("v/a")) == b"first"
    assert store.put("v/a", b"other")
    assert bytes(store.get("v/a")) == b"other"


def test_a_listing_names_what_is_below_a_folder(store: ObjectStore) -> None:
    names = ["v/blocks/aa/1", "v/blocks/ab/2", "v/marker", "w/x"]
    for name in names:
        store.put(name, b"x")
    assert sorted(info.name for info in store.list("v/")) == names[:3]
    # SeaweedFS lists the bucket's own folder as well.
    assert set(names) <= {info.name for info in store.list()}
    assert sorted(info.name for info in store.list("v/", after="v/blocks/aa/1")) == names[1:3]


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.put("v/a", b"x")
    store.put("v/b", b"x")
    store.delete(["v/none", "v/a"])
    assert [info.name for info in store.list("v/")] == ["v/b"]
    store.sync(["v/b"])


def test_a_wrong_key_is_refused_and_told_without_it() -> None:
    bucket = shared.s3_bucket()
    url = f"{bucket.endpoint}/{bucket.name}"
    wrong = Location("s3", url, access_key=bucket.access_key, secret_key="secret-that-is-wrong")
    with pytest.raises(MeganeuraError) as caught:
        open_store(wrong).put("v/a", b"x")
    assert isinstance(caught.value, Denied)
    assert "secret-that-is-wrong" not in f"{caught.value}{wrong}"


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    url = f"http://127.0.0.1:{free_port()}/bucket"
    where = Location("s3", url, access_key="a", secret_key="b", timeouts=Timeouts(2.0, 1.0))
    with pytest.raises(Unavailable) as caught:
        open_store(where).get("v/a")
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models", ("models", "", "")),
        ("s3://models", ("models", "", "")),
        ("http://127.0.0.1:8333/models", ("models", "http://127.0.0.1:8333", "")),
        ("https://models.s3.eu-west-1.amazonaws.com", ("models", "", "eu-west-1")),
        ("https://models.s3.amazonaws.com", ("models", "", "")),
    ],
)
def test_buckets_are_written_as_users_write_them(text: str, expected: tuple[str, str, str]) -> None:
    assert split_s3(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models", ("", "models", "")),
        ("az://models", ("", "models", "")),
        ("https://me.blob.core.windows.net/models", ("me", "models", "")),
        ("http://127.0.0.1:10000/me/models", ("me", "models", "http://127.0.0.1:10000/me")),
        ("https://me.store.local/models", ("me", "models", "https://me.store.local")),
    ],
)
def test_containers_are_written_as_users_write_them(
    text: str, expected: tuple[str, str, str]
) -> None:
    assert split_azure(text) == expected


@pytest.mark.parametrize(
    "text", ["ftp://x/y", "https://me.blob.core.windows.net", "http://h/a/b/c"]
)
def test_what_is_no_container_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        split_azure(text)


@pytest.mark.parametrize("text", ["ftp://x/y", "http://host", "http://host/a/b"])
def test_what_is_no_bucket_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        split_s3(text)


def test_an_unknown_kind_of_store_names_those_that_are_known() -> None:
    with pytest.raises(BadInput, match="allowed are azure, file"):
        open_store(Location("tape", "x"))


def test_object_names_stay_in_the_bucket(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        open_store(Location("file", str(tmp_path))).put("../x", b"")
