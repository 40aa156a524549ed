"""The packets, byte for byte, and what is refused in them."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfdaemon.vortex.pieces import DownloadPiece, PieceContent, PieceError, parse_metadata_length
from dfdaemon.vortex.units import Absent, GetAny, GetUnit, UnitContent, pack_busy
from dfdaemon.vortex.wire import Header, Tag, pack, pack_task_id, parse_header, parse_task_id

TASK = "0123456789abcdef" * 4


def test_framing() -> None:
    packet = pack(Tag.GET_UNIT, b"value", packet_id=7)
    assert packet == b"\x07\xd2\x00\x00\x00\x05value"
    assert parse_header(packet[:6], longest=5) == Header(7, Tag.GET_UNIT, 5)


def test_header_that_announces_too_much() -> None:
    with pytest.raises(BadInput, match="at most 4"):
        parse_header(b"\x00\x00\x00\x00\x00\x05", longest=4)


def test_header_of_the_wrong_length() -> None:
    with pytest.raises(BadInput):
        parse_header(b"\x00\x00", longest=4)


def test_our_tags_are_apart_from_dragonflys() -> None:
    ours = {tag for tag in Tag if tag >= Tag.GET_UNIT} - {Tag.CLOSE, Tag.ERROR}
    assert all(210 <= tag < 230 for tag in ours)


@pytest.mark.parametrize("task_id", ["", "é" * 64, TASK + "0", TASK[:-1]])
def test_what_is_no_task_id_is_not_packed(task_id: str) -> None:
    with pytest.raises(BadInput):
        pack_task_id(task_id)


@pytest.mark.parametrize("data", [b"", b"A" * 64, b"../" * 21 + b"a", b"\x00" * 64])
def test_what_is_no_task_id_is_not_parsed(data: bytes) -> None:
    with pytest.raises(BadInput):
        parse_task_id(data)


def test_get_unit() -> None:
    packet = GetUnit(TASK, 258, "höst").pack()
    assert packet[6:] == TASK.encode() + b"\x00\x00\x01\x02" + "höst".encode()
    assert GetUnit.parse(packet[6:]) == GetUnit(TASK, 258, "höst")


def test_get_any() -> None:
    packet = GetAny(TASK, "host", b"\x05").pack()
    assert packet[6:] == TASK.encode() + b"\x00\x04host\x05"
    request = GetAny.parse(packet[6:])
    assert list(request.bitmap(3).iter_set()) == [0, 2]
    with pytest.raises(BadInput):
        request.bitmap(9)


def test_unit_content() -> None:
    content = UnitContent(3, 1 << 40, 1 << 20, bytes(range(16)))
    packet = content.pack()
    assert packet[1] == Tag.UNIT_CONTENT
    assert UnitContent.parse(packet[6:]) == content


def test_busy_and_absent() -> None:
    assert pack_busy() == b"\x00\xd5\x00\x00\x00\x00"
    assert Absent(3, "restricted").pack() == b"\x00\xd6\x00\x00\x00\x0b\x03restricted"
    assert Absent.parse(b"\x03restricted") == Absent(3, "restricted")


def test_download_piece_as_dragonfly_packs_it() -> None:
    packet = DownloadPiece(TASK, 42).pack(packet_id=9)
    assert packet == b"\x09\x00\x00\x00\x00\x44" + TASK.encode() + b"\x00\x00\x00\x2a"
    assert DownloadPiece.parse(packet[6:]) == DownloadPiece(TASK, 42)


def test_piece_content_as_dragonfly_packs_it() -> None:
    # The values of the crate's own test: src/tlv/piece_content.rs.
    content = PieceContent(42, 1024, 2048, "a" * 32, "test_parent_id", 1, 5, 1693152000)
    packet = content.pack()
    metadata = packet[10:]
    assert packet[:6] == b"\x00\x01" + (len(metadata) + 4).to_bytes(4, "big")
    assert parse_metadata_length(packet[6:10]) == len(metadata) == 91
    assert metadata.startswith(b"\x00\x00\x00\x2a" + (1024).to_bytes(8, "big"))
    assert metadata.endswith(b"\x01" + (5).to_bytes(8, "big") + (1693152000).to_bytes(8, "big"))
    assert PieceContent.parse_metadata(metadata) == content


@pytest.mark.parametrize("end", [0, 10, 21, 30, 60, 90])
def test_piece_content_that_is_cut_off(end: int) -> None:
    metadata = PieceContent(42, 1024, 2048, "a" * 32, "test_parent_id", 1, 5, 0).pack()[10:]
    with pytest.raises(BadInput):
        PieceContent.parse_metadata(metadata[:end])


def test_metadata_as_long_as_a_blob() -> None:
    with pytest.raises(BadInput):
        parse_metadata_length(b"\x00\x10\x00\x00")


def test_error_as_dragonfly_packs_it() -> None:
    assert PieceError(2, "gone").pack(packet_id=1) == b"\x01\xff\x00\x00\x00\x06\x02:gone"
    assert PieceError.parse(b"\x02:gone") == PieceError(2, "gone")
    with pytest.raises(BadInput):
        PieceError.parse(b"\x02gone")
