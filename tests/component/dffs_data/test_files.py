"""Files of a volume on one node and on two, over SQLite and a directory."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import time

import pytest

from dffs.meta.types import ROOT_CALLER, ROOT_INO, MetaError
from dffs.options import CacheOptions
from dffs.vfs.openfile import OpenFile
from dffs.volume import Volume
from tests.component.dffs_data.conftest import BLOCK, Opener

SEEK_DATA, SEEK_HOLE = 3, 4
PUNCH = 0x03


def create(volume: Volume, name: str, flags: int = os.O_RDWR) -> OpenFile:
    attr, _ = volume.meta.create(ROOT_CALLER, ROOT_INO, name.encode(), 0o644)
    return volume.files.opened(attr, flags)


def write(volume: Volume, name: str, data: bytes) -> int:
    file = create(volume, name)
    file.write(0, data)
    file.flush()
    file.release()
    return file.ino


def reopen(volume: Volume, ino: int, flags: int = os.O_RDONLY) -> OpenFile:
    return volume.files.open(ROOT_CALLER, ino, flags)


def content(volume: Volume, ino: int) -> bytes:
    file = reopen(volume, ino)
    try:
        return file.read(0, file.attr.size_bytes + 1)
    finally:
        file.release()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_what_is_written_is_read_back(volume: Volume) -> None:
    data = noise(5 * BLOCK + 123)
    ino = write(volume, "a", data)
    assert content(volume, ino) == data
    assert volume.meta.getattr(ino).size_bytes == len(data)


def test_a_file_written_through_is_known_by_its_digest(volume: Volume) -> None:
    data = noise(3 * BLOCK + 5)
    ino = write(volume, "a", data)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert volume.meta.getattr(ino).content == digest
    assert volume.meta.by_content(digest) == ino


def test_other_nodes_read_it_after_the_flush(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    data = noise(2 * BLOCK + 1)
    file = create(here, "a")
    file.write(0, data)
    assert there.meta.getattr(file.ino).size_bytes == 0
    assert here.files.seen(here.meta.getattr(file.ino)).size_bytes == len(data)
    file.flush()
    assert content(there, file.ino) == data
    file.release()


def test_an_open_file_sees_others_changes_when_opened_again(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    ino = write(here, "a", b"old" * BLOCK)
    assert content(there, ino) == b"old" * BLOCK
    file = reopen(here, ino, os.O_RDWR | os.O_TRUNC)
    file.write(0, b"new")
    file.flush()
    file.release()
    assert content(there, ino) == b"new"


def test_unflushed_bytes_are_read_by_other_handles(volume: Volume) -> None:
    file = create(volume, "a")
    file.write(10, b"abc")
    other = reopen(volume, file.ino)
    assert other.read(0, 100) == bytes(10) + b"abc"
    assert other.attr.size_bytes == 13
    assert other.passthrough_fd() is None
    file.release()
    other.release()


def test_a_complete_file_has_a_descriptor_for_the_kernel(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    data = noise(4 * BLOCK + 9)
    ino = write(here, "a", data)
    file = reopen(there, ino)
    assert file.passthrough_fd() is None
    assert file.read(0, len(data)) == data
    fd = file.passthrough_fd()
    assert fd is not None
    assert os.pread(fd, len(data) + 1, 0) == data
    file.release()
    again = reopen(there, ino)
    assert again.passthrough_fd() is not None
    writer = reopen(there, ino, os.O_RDWR)
    assert writer.passthrough_fd() is None
    writer.release()
    again.release()


def test_a_small_file_is_complete_where_it_was_written(volume: Volume) -> None:
    ino = write(volume, "a", b"config")
    file = reopen(volume, ino)
    fd = file.passthrough_fd()
    assert fd is not None
    assert os.pread(fd, 100, 0) == b"config"
    file.release()


def test_overwrites_inside_blocks_keep_the_rest(volume: Volume) -> None:
    data = bytearray(noise(3 * BLOCK))
    ino = write(volume, "a", bytes(data))
    file = reopen(volume, ino, os.O_RDWR)
    for offset, part in ((5, b"xx"), (BLOCK - 1, b"yyy"), (3 * BLOCK - 1, b"zz")):
        file.write(offset, part)
        data[offset : offset + len(part)] = part
    assert file.read(0, 4 * BLOCK) == bytes(data)
    file.flush()
    file.release()
    assert content(volume, ino) == bytes(data)


def test_appends_go_to_the_end(volume: Volume) -> None:
    ino = write(volume, "a", b"one")
    file = reopen(volume, ino, os.O_WRONLY | os.O_APPEND)
    file.write(0, b"two")
    file.write(0, b"three")
    file.flush()
    file.release()
    assert content(volume, ino) == b"onetwothree"


def test_cut_bytes_do_not_come_back(volume: Volume) -> None:
    ino = write(volume, "a", b"x" * (2 * BLOCK))
    file = reopen(volume, ino, os.O_RDWR)
    file.truncate(BLOCK + 10)
    file.truncate(2 * BLOCK)
    assert file.read(0, 3 * BLOCK) == b"x" * (BLOCK + 10) + bytes(BLOCK - 10)
    file.write(BLOCK + 20, b"y")
    file.flush()
    file.release()
    expected = b"x" * (BLOCK + 10) + bytes(10) + b"y" + bytes(BLOCK - 21)
    assert content(volume, ino) == expected


def test_holes_are_zeros_and_are_found(volume: Volume) -> None:
    file = create(volume, "a")
    file.write(0, b"a" * BLOCK)
    file.write(4 * BLOCK, b"b" * BLOCK)
    assert file.seek(0, SEEK_HOLE) == BLOCK
    assert file.seek(BLOCK, SEEK_DATA) == 4 * BLOCK
    assert file.read(2 * BLOCK, BLOCK) == bytes(BLOCK)
    with pytest.raises(MetaError) as caught:
        file.seek(5 * BLOCK, SEEK_DATA)
    assert caught.value.errno == errno.ENXIO
    file.release()
    assert content(volume, file.ino) == b"a" * BLOCK + bytes(3 * BLOCK) + b"b" * BLOCK


def test_a_punched_hole_is_zeros(volume: Volume) -> None:
    data = noise(4 * BLOCK)
    ino = write(volume, "a", data)
    file = reopen(volume, ino, os.O_RDWR)
    file.allocate(PUNCH, BLOCK - 10, 2 * BLOCK)
    file.flush()
    file.release()
    expected = data[: BLOCK - 10] + bytes(2 * BLOCK) + data[3 * BLOCK - 10 :]
    assert content(volume, ino) == expected
    assert volume.meta.blocks(ino, 1, 1)[0].is_hole


def test_copies_share_blocks_or_move_bytes(volume: Volume) -> None:
    data = noise(3 * BLOCK)
    source = reopen(volume, write(volume, "a", data))
    target = create(volume, "b")
    assert volume.files.copy_range(source, 0, target, 0, 3 * BLOCK) == 3 * BLOCK
    assert target.read(0, 4 * BLOCK) == data
    assert volume.meta.blocks(target.ino, 0, 3) == volume.meta.blocks(source.ino, 0, 3)
    assert volume.files.copy_range(source, 7, target, 1, 100) == 100
    target.flush()
    assert target.read(0, 101) == data[:1] + data[7:107]
    source.release()
    target.release()


def test_equal_blocks_are_stored_once(volume: Volume) -> None:
    write(volume, "a", b"same" * BLOCK)
    write(volume, "b", b"same" * BLOCK)
    assert len(list(volume.blocks.list())) == 1
    assert volume.files.stats()["uploaded_bytes"] == BLOCK


def test_an_unlinked_file_lives_while_it_is_open(volume: Volume) -> None:
    file = create(volume, "a")
    file.write(0, b"x" * BLOCK)
    file.flush()
    volume.meta.unlink(ROOT_CALLER, ROOT_INO, b"a", skip_trash=True)
    file.write(BLOCK, b"y")
    file.flush()
    assert file.read(0, 2 * BLOCK) == b"x" * BLOCK + b"y"
    file.release()


def test_handles_do_what_they_were_opened_for(volume: Volume) -> None:
    ino = write(volume, "a", b"x")
    reader, writer = reopen(volume, ino), reopen(volume, ino, os.O_WRONLY)
    with pytest.raises(MetaError):
        reader.write(0, b"y")
    with pytest.raises(MetaError):
        writer.read(0, 1)
    reader.release()
    writer.release()


def test_more_than_the_buffers_hold_can_be_staged(volume: Volume) -> None:
    # Half a block of each of so many files is open at once that memory is short.
    files = [create(volume, f"f{number}") for number in range(80)]
    for number, file in enumerate(files):
        file.write(0, noise(BLOCK - 1, number))
    for number, file in enumerate(files):
        assert file.read(0, BLOCK) == noise(BLOCK - 1, number)
        file.flush()
        file.release()


def test_without_a_disk_blocks_are_read_through_memory(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume(cache=CacheOptions())
    data = noise(6 * BLOCK)
    ino = write(here, "a", data)
    file = reopen(there, ino)
    assert file.read(0, len(data)) == data
    assert file.passthrough_fd() is None
    file.release()


def test_two_nodes_that_write_different_blocks_both_succeed(open_volume: Opener) -> None:
    here, there = open_volume(), open_volume()
    ino = write(here, "a", b"0" * (4 * BLOCK))
    mine, theirs = reopen(here, ino, os.O_RDWR), reopen(there, ino, os.O_RDWR)
    assert mine.read(0, 1) == theirs.read(0, 1) == b"0"
    mine.write(0, b"1" * BLOCK)
    theirs.write(BLOCK, b"2" * BLOCK)
    theirs.flush()
    mine.flush()
    expected = b"1" * BLOCK + b"2" * BLOCK + b"0" * (2 * BLOCK)
    assert mine.read(0, 4 * BLOCK) == expected
    mine.release()
    theirs.release()
    assert content(there, ino) == content(here, ino) == expected


def test_a_file_is_put_together_where_it_was_written(volume: Volume) -> None:
    data = noise(5 * BLOCK + 3)
    ino = write(volume, "a", data)
    deadline = time.monotonic() + 10
    while True:
        file = reopen(volume, ino)
        fd = file.passthrough_fd()
        if fd is not None:
            break
        file.release()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert os.pread(fd, len(data), 0) == data
    file.release()
    assert not volume.files.stats().get("object_bytes", 0)
