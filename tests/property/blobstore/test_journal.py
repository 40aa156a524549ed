"""However a journal is damaged, what is read from it is a beginning of what was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blobstore import journal
from blobstore.journal import Header
from blobstore.model import BlobMeta
from dfcore.pieces import Geometry

HEADER = Header("b", Geometry(1000, 40, 10), 1.0, BlobMeta())

frames = st.lists(
    st.one_of(
        st.tuples(st.just("held"), st.integers(0, 20), st.binary(min_size=16, max_size=16)),
        st.tuples(st.just("discarded"), st.integers(0, 20), st.just(b"")),
    ),
    max_size=12,
)


def written(steps: list[tuple[str, int, bytes]]) -> list[bytes]:
    return [
        journal.held_frame(unit, digest) if what == "held" else journal.discarded_frame(unit)
        for what, unit, digest in steps
    ]


def state_after(steps: list[tuple[str, int, bytes]]) -> dict[int, bytes]:
    units: dict[int, bytes] = {}
    for what, unit, digest in steps:
        if what == "held":
            units[unit] = digest
        else:
            units.pop(unit, None)
    return units


@given(frames, st.integers(0), st.binary(max_size=40))
def test_a_cut_journal_is_one_of_its_beginnings(
    steps: list[tuple[str, int, bytes]], cut: int, garbage: bytes
) -> None:
    head = journal.header_frame(HEADER)
    whole = head + b"".join(written(steps))
    told = journal.replay(whole[: cut % (len(whole) + 1)] + garbage)
    beginnings = [state_after(steps[:count]) for count in range(len(steps) + 1)]
    assert told.units in beginnings
    assert told.header in (None, HEADER)


@given(frames, st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_ends_the_journal(
    steps: list[tuple[str, int, bytes]], at: int, flip: int
) -> None:
    whole = bytearray(journal.header_frame(HEADER) + b"".join(written(steps)))
    place = at % len(whole)
    whole[place] ^= flip
    told = journal.replay(bytes(whole))
    assert told.good_bytes <= place
    assert told.units in [state_after(steps[:count]) for count in range(len(steps) + 1)]


@given(st.binary(max_size=300))
def test_garbage_is_an_empty_journal(garbage: bytes) -> None:
    assert journal.replay(garbage) == journal.Replay()
