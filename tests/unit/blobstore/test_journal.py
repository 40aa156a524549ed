from __future__ import annotations

from blobstore import journal
from blobstore.journal import Header
from blobstore.model import BlobMeta
from dfcore.pieces import Geometry

HEADER = Header("b", Geometry(100, 40, 10), 12.5, BlobMeta(url="https://o/x", restricted=True))
ONE, TWO = b"1" * 16, b"2" * 16


def test_a_journal_tells_what_was_written() -> None:
    told = journal.replay(
        journal.header_frame(HEADER)
        + journal.held_frame(3, ONE)
        + journal.held_frame(9, TWO)
        + journal.discarded_frame(3)
        + journal.held_frame(5, TWO)
    )
    assert told.header == HEADER
    assert told.units == {9: TWO, 5: TWO}
    assert not told.durable


def test_a_unit_that_comes_again_has_its_last_digest() -> None:
    frames = journal.header_frame(HEADER) + journal.held_frame(3, ONE) + journal.held_frame(3, TWO)
    assert journal.replay(frames).units == {3: TWO}


def test_durable_comes_with_a_digest_or_without() -> None:
    base = journal.header_frame(HEADER)
    named = journal.replay(base + journal.durable_frame("sha256:00"))
    assert (named.durable, named.digest) == (True, "sha256:00")
    unnamed = journal.replay(base + journal.durable_frame(None))
    assert (unnamed.durable, unnamed.digest) == (True, None)


def test_a_discard_takes_durability_back() -> None:
    frames = journal.header_frame(HEADER) + journal.durable_frame(None) + journal.discarded_frame(1)
    assert not journal.replay(frames).durable


def test_without_a_header_nothing_counts() -> None:
    assert journal.replay(journal.held_frame(3, ONE)) == journal.Replay()
    assert journal.replay(b"") == journal.Replay()
    assert journal.replay(b"\0" * 1000) == journal.Replay()


def test_reading_stops_at_the_first_bad_frame() -> None:
    good = journal.header_frame(HEADER) + journal.held_frame(3, ONE)
    for bad in (b"\0" * 33, journal.held_frame(4, TWO)[:-1], journal.frame(99, b""), b"\xff" * 40):
        told = journal.replay(good + bad + journal.held_frame(5, TWO))
        assert told.units == {3: ONE}
        assert told.good_bytes == len(good)


def test_a_frame_of_the_wrong_shape_is_bad_even_with_a_good_checksum() -> None:
    base = journal.header_frame(HEADER)
    for bad in (
        journal.frame(journal.HELD, b"short"),
        journal.frame(journal.HEADER, b"not json"),
        journal.frame(journal.HEADER, b'{"id": 1}'),
        journal.frame(journal.DURABLE, b"\xff"),
    ):
        assert journal.replay(base + bad + journal.held_frame(5, TWO)).units == {}
