"""What waits on a control channel: order, gathering of news, bounds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dfdaemon.peerlink.outbox import NewsPace, Outbox
from dfdaemon.vortex.wire import HEADER_SIZE, Tag, parse_header
from dfinfra.pb import meganeura_pb2 as pb


def unpack(data: bytes) -> list[pb.Frame | Tag]:
    found: list[pb.Frame | Tag] = []
    while data:
        header = parse_header(data[:HEADER_SIZE], longest=1 << 20)
        value, data = data[6 : 6 + header.length], data[6 + header.length :]
        is_frame = header.tag == Tag.CONTROL_FRAME
        found.append(pb.Frame.FromString(value) if is_frame else Tag(header.tag))
    return found


def digest(unit: int) -> bytes:
    return bytes([unit]) * 16


def have(task_id: str, *units: int, complete: bool = False) -> pb.Frame:
    digests = b"".join(map(digest, units))
    return pb.Frame(have=pb.Have(task_id=task_id, units=units, digests=digests, complete=complete))


def tell(outbox: Outbox, task_id: str, *units: int, complete: bool = False) -> None:
    outbox.tell(task_id, {unit: digest(unit) for unit in units}, complete=complete)


LEAVE = pb.Frame(leave=pb.Leave(task_id="t"))


def test_news_is_merged_per_task_with_its_digests() -> None:
    outbox = Outbox(1)
    tell(outbox, "t", 1)
    tell(outbox, "u", 9)
    tell(outbox, "t", 2, 5, complete=True)
    assert outbox.take() == b""
    outbox.flush_news()
    assert unpack(outbox.take()) == [have("t", 1, 2, 5, complete=True), have("u", 9)]


def test_nothing_overtakes_news() -> None:
    outbox = Outbox(9)
    tell(outbox, "t", 1)
    outbox.add(LEAVE)
    assert unpack(outbox.take()) == [have("t", 1), LEAVE]


def test_news_does_not_fill_it() -> None:
    outbox = Outbox(1)
    for unit in range(200):
        tell(outbox, "t", unit)
    assert not outbox.full
    outbox.add(LEAVE)
    assert outbox.full


def test_ping_is_left_out_when_something_else_goes() -> None:
    outbox = Outbox(9)
    outbox.add_ping()
    outbox.add_ping()
    assert unpack(outbox.take()) == [Tag.CONTROL_PING]
    outbox.add(LEAVE)
    outbox.add_ping()
    assert unpack(outbox.take()) == [LEAVE]


def test_news_goes_in_place_of_a_ping() -> None:
    outbox = Outbox(9)
    tell(outbox, "t", 1)
    outbox.add_ping()
    assert unpack(outbox.take()) == [have("t", 1)]


def test_packets_are_taken_in_portions() -> None:
    outbox = Outbox(9)
    for _ in range(4):
        outbox.add(pb.Frame(answer=pb.Answer(body=bytes(1000))))
    assert len(unpack(outbox.take(limit_bytes=1500))) == 2
    assert len(unpack(outbox.take(limit_bytes=1500))) == 2
    assert not outbox.take()


def frames_of(pace: NewsPace, moments: list[float]) -> list[float]:
    """When frames go out for news of these moments."""
    sent: list[float] = []
    due: float | None = None
    for moment in moments:
        if due is not None and due <= moment:
            pace.sent(due)
            sent.append(due)
            due = None
        pace.told(moment)
        if due is None:
            due = pace.due(moment)
    return sent


def test_the_first_news_and_news_after_a_pause_goes_at_once() -> None:
    pace = NewsPace(gather_s=0.02)
    moments = [0.1 * i for i in range(50)]
    assert frames_of(pace, [*moments, 60.0, 61.0])[0] == 0.02
    assert pace.due(62.0) == pytest.approx(62.02)


def test_in_a_stream_several_pieces_share_a_frame() -> None:
    pace = NewsPace(gather_s=0.02, most_s=0.25, per_frame=3)
    sent = frames_of(pace, [0.05 * i for i in range(400)])
    assert 400 / 4 <= len(sent) <= 400 / 2.5


def test_news_waits_no_longer_than_is_allowed() -> None:
    pace = NewsPace(gather_s=0.02, most_s=0.25)
    sent = frames_of(pace, [0.2 * i for i in range(100)])
    assert max(b - a for a, b in pairwise(sent)) <= 0.25 + 0.2 + 0.02


def test_a_fast_stream_is_told_as_often_as_news_is_gathered() -> None:
    pace = NewsPace(gather_s=0.02)
    sent = frames_of(pace, [0.001 * i for i in range(2000)])
    assert len(sent) >= 1.9 / 0.022
