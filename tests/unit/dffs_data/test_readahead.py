"""What is fetched ahead of readers, and how model files are recognised."""

from __future__ import annotations

import json
import struct

from dffs.vfs.patterns import detect
from dffs.vfs.readahead import MAX_STREAMS, Readahead

BLOCK = 100


def sequential(ahead: Readahead, start: int, reads: int, size: int = BLOCK) -> list[int]:
    found: list[int] = []
    for number in range(reads):
        found += ahead.on_read(start + number * size, size)
    return found


def test_a_sequential_reader_gets_a_window_that_doubles() -> None:
    ahead = Readahead(BLOCK, 100, max_window=8)
    assert list(ahead.on_read(0, BLOCK)) == [1]
    assert list(ahead.on_read(BLOCK, BLOCK)) == [2, 3]
    assert list(ahead.on_read(2 * BLOCK, BLOCK)) == [4, 5, 6]
    assert sequential(ahead, 3 * BLOCK, 10)[-1] == 20


def test_no_block_is_asked_for_twice_by_one_stream() -> None:
    ahead = Readahead(BLOCK, 1000, max_window=16)
    found = sequential(ahead, 0, 200, size=30)
    assert len(found) == len(set(found))


def test_the_window_ends_with_the_file() -> None:
    ahead = Readahead(BLOCK, 4, max_window=8)
    assert sorted(sequential(ahead, 0, 4)) == [1, 2, 3]
    assert list(ahead.on_read(4 * BLOCK, BLOCK)) == []


def test_random_reads_fetch_nothing_ahead() -> None:
    ahead = Readahead(BLOCK, 10_000, max_window=8)
    for offset in (500_000, 20_000, 700_000, 90_000):
        assert not ahead.on_read(offset, 10)


def test_several_streams_are_followed_at_once() -> None:
    ahead = Readahead(BLOCK, 20_000, max_window=4)
    starts = [1000 * BLOCK * number for number in range(1, MAX_STREAMS + 1)]
    for step in range(3):
        for start in starts:
            wanted = ahead.on_read(start + step * BLOCK, BLOCK)
            assert bool(wanted) == (step > 0)


def test_parts_of_a_read_that_overtake_each_other_are_one_stream() -> None:
    ahead = Readahead(BLOCK, 1000, max_window=8)
    ahead.on_read(0, 50)
    ahead.on_read(100, 50)
    assert ahead.on_read(50, 50) is not None
    assert list(ahead.on_read(150, 50))


def safetensors(tensors: dict[str, tuple[int, int]]) -> bytes:
    header = {"__metadata__": {"format": "pt"}}
    header |= {name: {"dtype": "F32", "data_offsets": list(at)} for name, at in tensors.items()}  # type: ignore[misc]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def test_safetensors_are_known_by_their_header() -> None:
    head = safetensors({"b": (400, 900), "a": (0, 400)})
    layout = detect(head, 100_000)
    assert layout is not None
    assert layout.kind == "safetensors"
    assert layout.data_start == len(head)
    assert layout.tensors == (len(head), len(head) + 400)
    order = layout.order_from(len(head) + 500, BLOCK, 12)
    first = (len(head) + 400) // BLOCK
    assert order[0] == first
    assert sorted(order) == list(range(12))


def test_a_header_longer_than_the_first_block_is_known_by_its_beginning() -> None:
    head = safetensors({"a": (0, 400)})
    layout = detect(head[:40], 100_000)
    assert layout is not None
    assert layout.tensors == ()


def test_gguf_is_known_by_its_magic() -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, 291, 24) + b"\0" * 100
    layout = detect(head, 10_000)
    assert layout is not None
    assert layout.kind == "gguf"
    assert layout.order_from(250, BLOCK, 5) == [0, 1, 2, 3, 4]


def test_other_files_are_not_taken_for_models() -> None:
    for head in (b"", b"GGUF", b"\x7fELF" + bytes(100), bytes(100), b"{}" * 50):
        assert detect(head, 10_000) is None
    broken = struct.pack("<Q", 10) + b"{not json}"
    layout = detect(broken, 10_000)
    assert layout is not None
    assert layout.tensors == ()
