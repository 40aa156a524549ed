"""What waits on a control channel: order, gathering of news, bounds."""

from __future__ import annotations

from dfdaemon.peerlink.outbox import Outbox
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


def have(task_id: str, *units: int, complete: bool = False) -> pb.Frame:
    digests = b"".join(bytes([unit]) * 16 for unit in units)
    return pb.Frame(have=pb.Have(task_id=task_id, units=units, digests=digests, complete=complete))


LEAVE = pb.Frame(leave=pb.Leave(task_id="t"))


def test_news_is_merged_per_task_with_its_digests() -> None:
    outbox = Outbox(1)
    assert outbox.add(have("t", 1))
    assert outbox.add(have("u", 9))
    assert outbox.add(have("t", 2, 5, complete=True))
    assert outbox.take() == b""
    outbox.flush_news()
    assert unpack(outbox.take()) == [have("t", 1, 2, 5, complete=True), have("u", 9)]


def test_nothing_overtakes_news() -> None:
    outbox = Outbox(9)
    outbox.add(have("t", 1))
    assert not outbox.add(LEAVE)
    assert unpack(outbox.take()) == [have("t", 1), LEAVE]


def test_news_does_not_fill_it() -> None:
    outbox = Outbox(1)
    for unit in range(200):
        outbox.add(have("t", unit))
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


def test_packets_are_taken_in_portions() -> None:
    outbox = Outbox(9)
    for _ in range(4):
        outbox.add(pb.Frame(answer=pb.Answer(body=bytes(1000))))
    assert len(unpack(outbox.take(limit_bytes=1500))) == 2
    assert len(unpack(outbox.take(limit_bytes=1500))) == 2
    assert not outbox.take()
