"""What users see when the object store is full, slow, away or lies: a clear errno, and no lost byte."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from obstore import exceptions as told
from structlog.testing import capture_logs

from dfcore.errors import (
    BadInput,
    Denied,
    MeganeuraError,
    NoSpace,
    NotFound,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from dffs.meta.types import ROOT_CALLER, ROOT_INO, MetaError
from dffs.object.errors import from_library_error
from dffs.object.opening import Location, open_store
from dffs.object.remote import Timeouts
from dffs.vfs.openfile import OpenFile
from dffs.volume import Volume
from tests.component.dffs_data.conftest import BLOCK, Opener
from tests.component.dffs_data.faulty import AnsweringServer, FaultyStore
from tests.component.dffs_data.test_files import content, create, noise, write


def faulty(volume: Volume) -> FaultyStore:
    store = FaultyStore(volume.blocks.store)
    volume.blocks.store = store
    return store


def fail_with(error: MeganeuraError, call: str = "put", times: int = 10**9) -> object:
    left = [times]

    def before(asked: str, _name: str) -> None:
        if asked == call and left[0]:
            left[0] -= 1
            raise error

    return before


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NoSpace("the store is full"), errno.ENOSPC),
        (Unavailable("503"), errno.EIO),
        (TimedOut("slow"), errno.EIO),
        (Denied("403"), errno.EACCES),
    ],
)
def test_a_store_that_takes_nothing_fails_the_close_and_loses_nothing(
    volume: Volume, error: MeganeuraError, expected: int
) -> None:
    store = faulty(volume)
    store.before = fail_with(error)  # type: ignore[assignment]
    file = create(volume, "a")
    data = noise(3 * BLOCK + 1)
    with pytest.raises(OSError, match=str(error)) as caught:
        file.write(0, data)
        file.flush()
    assert caught.value.errno == expected
    with suppress(OSError):  # what was under way when write() failed fails as well
        file.flush()
    assert volume.meta.getattr(file.ino).size_bytes == 0
    store.before = lambda _call, _name: None
    file.write(0, data)
    file.flush()
    file.release()
    assert content(volume, file.ino) == data


def test_each_fault_is_a_line_in_the_log_that_names_the_object(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    ino = write(here, "a", noise(BLOCK))
    name = here.blocks.names.block(here.meta.blocks(ino, 0, 1)[0].digest)
    store = faulty(there)
    with capture_logs() as lines:
        store.before = fail_with(Unavailable("503 Slow Down"), "get", times=1)  # type: ignore[assignment]
        assert content(there, ino) == noise(BLOCK)
    (again,) = [line for line in lines if line["event"] == "object store: again"]
    assert (again["log_level"], again["call"], again["reason"]) == (
        "warning",
        f"get {name}",
        "503 Slow Down",
    )
    other = open_volume()
    faulty(other).damage = lambda got: b"\0" * len(memoryview(got))
    with capture_logs() as lines, pytest.raises(MetaError):
        content(other, ino)
    assert {
        (line["log_level"], line["object"]) for line in lines if "wrong bytes" in line["event"]
    } == {("error", name)}
    full = faulty(here)
    full.before = fail_with(NoSpace("the bucket is full"))  # type: ignore[assignment]
    with capture_logs() as lines, pytest.raises(OSError):
        write(here, "b", noise(BLOCK, 2))
    failed = [line for line in lines if line["event"] == "object store failed"]
    assert failed and failed[0]["log_level"] == "error"
    assert failed[0]["reason"] == "the bucket is full"
    full.before = lambda _call, _name: None


def test_a_store_that_comes_back_is_not_noticed(volume: Volume) -> None:
    store = faulty(volume)
    store.before = fail_with(Unavailable("503"), times=2)  # type: ignore[assignment]
    data = noise(2 * BLOCK)
    assert content(volume, write(volume, "a", data)) == data


def test_a_writer_waits_for_a_slow_store_instead_of_filling_the_memory(volume: Volume) -> None:
    store = faulty(volume)
    go = threading.Event()
    store.before = lambda call, _name: go.wait(30) and None if call == "put" else None
    file = create(volume, "a")
    written = threading.Event()

    def fill() -> None:
        for index in range(100):
            file.write(index * BLOCK, noise(BLOCK, index))
        written.set()

    writer = threading.Thread(target=fill)
    writer.start()
    assert not written.wait(0.3)
    assert volume.files.stats()["buffer_bytes"] <= 4 << 20
    go.set()
    writer.join()
    file.flush()
    assert file.read(99 * BLOCK, BLOCK) == noise(BLOCK, 99)
    file.release()


def test_wrong_bytes_are_asked_for_again_and_never_given_out(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    data = noise(BLOCK)
    ino = write(here, "a", data)
    store = faulty(there)
    wrong = [1]

    def once(got: object) -> bytes:
        intact = bytes(got)  # type: ignore[call-overload]
        return intact if not wrong or not wrong.pop() else b"\0" + intact[1:]

    store.damage = once  # type: ignore[assignment]
    assert content(there, ino) == data
    assert [call for call, _ in store.calls] == ["get", "get"]


def test_bytes_that_stay_wrong_are_an_input_output_error(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    ino = write(here, "a", noise(BLOCK))
    faulty(there).damage = lambda got: b"\0" * len(memoryview(got))
    with pytest.raises(MetaError) as caught:
        content(there, ino)
    assert caught.value.errno == errno.EIO
    assert "does not have the bytes it should" in str(caught.value)
    assert not there.cache.held_bytes(there.meta.blocks(ino, 0, 1), BLOCK, BLOCK)


def test_a_lost_block_is_an_input_output_error(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    ino = write(here, "a", noise(BLOCK))
    here.blocks.delete([here.meta.blocks(ino, 0, 1)[0].digest])
    with pytest.raises(MetaError) as caught:
        content(there, ino)
    assert caught.value.errno == errno.EIO


def test_a_block_that_was_deleted_before_the_commit_is_put_again(volume: Volume) -> None:
    file: OpenFile = create(volume, "a")
    data = noise(BLOCK)
    file.write(0, data)
    file.inode.send_open()
    # Its upload, a deletion by an impatient collector, then the commit.
    wait_uploaded(file)
    volume.meta.dead_blocks(older_than_s=0.0)
    digests = [use.digest for use in volume.meta.block_uses()]
    volume.blocks.delete(digests)
    volume.meta.forget_blocks(digests)
    file.flush()
    file.release()
    volume.cache.evict(volume.meta.blocks(file.ino, 0, 1), BLOCK, BLOCK)
    assert content(volume, file.ino) == data


def wait_uploaded(file: OpenFile) -> None:
    writer = file.inode._writer
    with writer._lock:
        writer._lock.wait_for(lambda: not writer._staged, timeout=10)


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    made = AnsweringServer()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"", Unavailable),
        (503, b"<Error><Code>SlowDown</Code></Error>", Unavailable),
        (507, b"", NoSpace),
        (500, b"<Error><Message>no writable volumes left</Message></Error>", NoSpace),
        (403, b"<Error><Code>AccessDenied</Code></Error>", Denied),
        (401, b"", Unauthorized),
        (404, b"", NotFound),
    ],
)
def test_answers_of_a_server_are_told_in_our_words(
    server: AnsweringServer, status: int, body: bytes, expected: type[MeganeuraError]
) -> None:
    where = Location("s3", f"{server.url}/bucket", access_key="key", secret_key="hidden-key")
    server.answers = [(status, body)] * 2
    with pytest.raises(expected) as caught:
        open_store(where).put("v/a", b"x", create=True)
    assert "hidden-key" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_machine_that_is_nobody_is_told_so_and_not_to_try_again() -> None:
    said = "Generic GCS error: Error performing token request: … 403 Forbidden: http://169.254.1.1"
    error = from_library_error(told.GenericError(said), "v/a")
    assert isinstance(error, Unauthorized) and not error.retryable
    assert "no credentials" in str(error)


def test_a_server_without_checksums_gets_signed_bodies(server: AnsweringServer) -> None:
    where = Location("s3", f"{server.url}/bucket", access_key="key", secret_key="hidden-key")
    server.answers = [(400, b"<Error><Code>InvalidRequest</Code></Error>"), (200, b"")]
    assert open_store(where).put("v/a", b"x", create=True)
    first, second = (headers for _, headers in server.requests)
    assert "x-amz-checksum-crc64nvme" in {name.lower() for name in first}
    assert "x-amz-checksum-crc64nvme" not in {name.lower() for name in second}


def test_a_server_without_conditional_puts_is_asked_first(server: AnsweringServer) -> None:
    where = Location("s3", f"{server.url}/bucket", access_key="key", secret_key="hidden-key")
    server.answers = [(501, b""), (501, b""), (404, b""), (200, b"")]
    assert open_store(where).put("v/a", b"x", create=True)
    assert [call for call, _ in server.requests] == ["PUT", "PUT", "HEAD", "PUT"]


def test_a_server_that_says_nothing_is_a_timeout(server: AnsweringServer) -> None:
    where = Location("s3", f"{server.url}/bucket", access_key="key", timeouts=Timeouts(0.2, 0.2))
    hold = threading.Event()
    server.answers = _Holding(hold)  # type: ignore[assignment]
    with pytest.raises(TimedOut):
        open_store(where).get("v/a")
    hold.set()


class _Holding(list[tuple[int, bytes]]):
    def __init__(self, hold: threading.Event) -> None:
        super().__init__([(500, b"")])
        self._hold = hold

    def pop(self, index: int = 0) -> tuple[int, bytes]:  # type: ignore[override]
        self._hold.wait(10)
        return (500, b"")


def test_a_bucket_of_another_volume_is_not_taken(meta_url: str, tmp_path: object) -> None:
    from dffs.format import Format

    record = Format("models", bucket=f"{tmp_path}/bucket", block_size_bytes=BLOCK)
    with pytest.raises(BadInput, match="holds another volume named models"):
        Volume.format_new(f"sqlite:///{tmp_path}/other.db", record)


def test_a_read_only_volume_is_not_written(open_volume: Opener) -> None:
    here = open_volume()
    ino = write(here, "a", b"x")
    there = open_volume(read_only=True)
    assert content(there, ino) == b"x"
    with pytest.raises(MetaError) as caught:
        there.meta.create(ROOT_CALLER, ROOT_INO, b"b", 0o644)
    assert caught.value.errno == errno.EROFS
