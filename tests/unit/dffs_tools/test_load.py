"""Files come into memory as they are, by one reader or many, around the page cache or through it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from dfcore.errors import BadInput, NotFound
from dffs.load import parallel_load, parallel_read_into
from dffs.load.safetensors import load_file, parse_header


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 3 * 65536 + 7])
@pytest.mark.parametrize("direct", [False, "auto"])
def test_the_whole_file_is_loaded(tmp_path: Path, size: int, direct: bool) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    loaded = parallel_load(tmp_path / "file", threads=3, part_bytes=65536, direct=direct)
    assert bytes(loaded.data) == content


def test_a_range_fills_a_given_buffer(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 100)
    buffer = bytearray(10_000)
    got = parallel_read_into(tmp_path / "file", memoryview(buffer), offset=20_000, part_bytes=4096)
    assert got == 5600
    assert bytes(buffer[:got]) == (bytes(range(256)) * 100)[20_000:]


def test_what_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        parallel_load(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(BadInput):
        parallel_load(tmp_path / "file", threads=0)


def test_tensors_are_those_that_safetensors_wrote(tmp_path: Path) -> None:
    tensors = {
        "a": numpy.arange(12, dtype=numpy.float32).reshape(3, 4),
        "b": numpy.array([1, 2, 3], dtype=numpy.int64),
        "empty": numpy.zeros((0, 4), dtype=numpy.float16),
    }
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "np"})
    loaded = load_file(tmp_path / "m.safetensors")
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        numpy.testing.assert_array_equal(loaded[name], tensor)


@pytest.mark.parametrize("head", [b"", b"\x00" * 8, b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]"])
def test_what_is_no_safetensors_file_is_refused(head: bytes) -> None:
    with pytest.raises(BadInput):
        parse_header(head, len(head))


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    save_file({"a": numpy.zeros(1000)}, tmp_path / "m")
    with (tmp_path / "m").open("r+b") as file:
        file.truncate(500)
    with pytest.raises(BadInput, match="cut"):
        load_file(tmp_path / "m")
