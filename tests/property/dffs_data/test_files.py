"""Random operations on a file through several handles and nodes against a bytearray."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dffs.format import Format
from dffs.meta.types import ROOT_CALLER, ROOT_INO
from dffs.vfs.openfile import OpenFile
from dffs.volume import Volume
from tests.component.dffs_data.conftest import options

BLOCK = 64 << 10
OFFSETS = st.one_of(st.integers(0, 5 * BLOCK), st.sampled_from([0, BLOCK - 1, BLOCK, 2 * BLOCK]))
SIZES = st.sampled_from([1, 10, 5000, BLOCK, BLOCK + 1, 3 * BLOCK])
OPERATIONS = st.one_of(
    st.tuples(st.just("write"), OFFSETS, SIZES),
    st.tuples(st.just("read"), OFFSETS, SIZES),
    st.tuples(st.just("cut"), OFFSETS, st.just(0)),
    st.tuples(st.just("punch"), OFFSETS, SIZES),
    st.tuples(st.sampled_from(["flush", "sync", "reopen", "elsewhere"]), st.just(0), st.just(0)),
)


class Model:
    """One file on one node, and what it should be."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/meta.db"
        Volume.format_new(url, Format("models", bucket=f"{folder}/b", block_size_bytes=BLOCK))
        self.volume = Volume.open(url, options(folder / "one"))
        self.other = Volume.open(url, options(folder / "two"))
        attr, _ = self.volume.meta.create(ROOT_CALLER, ROOT_INO, b"f", 0o644)
        self.file = self.volume.files.opened(attr, os.O_RDWR)
        self.expected = bytearray()
        self.serial = 0

    def close(self) -> None:
        self.file.release()
        self.other.close()
        self.volume.close()

    def open(self, volume: Volume) -> OpenFile:
        return volume.files.open(ROOT_CALLER, self.file.ino, os.O_RDWR)

    def apply(self, kind: str, offset: int, size: int) -> None:
        getattr(self, kind)(offset, size)
        assert self.file.attr.size_bytes == len(self.expected)

    def write(self, offset: int, size: int) -> None:
        self.serial += 1
        data = bytes([self.serial % 255 + 1]) * size
        if len(self.expected) < offset:
            self.expected.extend(bytes(offset - len(self.expected)))
        self.expected[offset : offset + size] = data
        self.file.write(offset, data)

    def read(self, offset: int, size: int) -> None:
        assert self.file.read(offset, size) == bytes(self.expected[offset : offset + size])

    def cut(self, size: int, _: int) -> None:
        self.file.truncate(size)
        del self.expected[size:]
        self.expected.extend(bytes(size - len(self.expected)))

    def punch(self, offset: int, size: int) -> None:
        self.file.allocate(0x03, offset, size)
        end = min(offset + size, len(self.expected))
        if offset < end:
            self.expected[offset:end] = bytes(end - offset)

    def flush(self, _: int, __: int) -> None:
        self.file.flush()

    def sync(self, _: int, __: int) -> None:
        self.file.fsync()

    def reopen(self, _: int, __: int) -> None:
        self.file.flush()
        self.file.release()
        self.file = self.open(self.volume)

    def elsewhere(self, _: int, __: int) -> None:
        self.file.flush()
        there = self.open(self.other)
        assert there.read(0, len(self.expected) + 1) == bytes(self.expected)
        there.release()


@settings(max_examples=12, deadline=None)
@given(st.lists(OPERATIONS, min_size=5, max_size=40))
def test_a_file_is_what_was_written(operations: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model(Path(folder))
        try:
            for kind, offset, size in operations:
                model.apply(kind, offset, size)
            model.elsewhere(0, 0)
        finally:
            model.close()
