"""The values of plain Dragonfly's packets: DownloadPiece, PieceContent, Error.

Formats of dragonflyoss/vortex-protocol: src/tlv/download_piece.rs, piece_content.rs, error.rs.
All integers are big-endian. The header of a PieceContent counts the metadata alone; the raw bytes
of the piece follow it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from dfcore.errors import BadInput
from dfdaemon.vortex.wire import TASK_ID_SIZE, Tag, pack, pack_task_id, parse_task_id, parse_text

_NUMBER = struct.Struct(">I")
_LENGTH = struct.Struct(">I")
_PLACE = struct.Struct(">IQQ")
_TAIL = struct.Struct(">BQq")

METADATA_LENGTH_SIZE = _LENGTH.size
# Digest and peer id are short; a metadata section beyond this is not one.
MAX_METADATA_SIZE = 4096


class ErrorCode(IntEnum):
    """Codes of an Error packet."""

    UNKNOWN = 0
    INVALID_ARGUMENT = 1
    NOT_FOUND = 2
    INTERNAL = 3


@dataclass(frozen=True, slots=True)
class DownloadPiece:
    """Send this piece."""

    task_id: str
    piece: int

    def pack(self, *, packet_id: int = 0) -> bytes:
        value = pack_task_id(self.task_id) + _NUMBER.pack(self.piece)
        return pack(Tag.DOWNLOAD_PIECE, value, packet_id=packet_id)

    @classmethod
    def parse(cls, value: bytes) -> DownloadPiece:
        if len(value) != TASK_ID_SIZE + _NUMBER.size:
            raise BadInput("a DownloadPiece packet has the wrong length")
        (piece,) = _NUMBER.unpack_from(value, TASK_ID_SIZE)
        return cls(parse_task_id(value[:TASK_ID_SIZE]), piece)


@dataclass(frozen=True, slots=True)
class PieceContent:
    """What precedes the bytes of a piece. ``cost_s`` are whole seconds, ``created_at`` is Unix
    time.
    """

    piece: int
    offset: int
    length: int
    digest: str
    parent_id: str
    traffic_type: int = 0
    cost_s: int = 0
    created_at: int = 0

    def pack(self, *, packet_id: int = 0) -> bytes:
        metadata = b"".join(
            (
                _PLACE.pack(self.piece, self.offset, self.length),
                _sized(self.digest.encode()),
                _sized(self.parent_id.encode()),
                _TAIL.pack(self.traffic_type, self.cost_s, self.created_at),
            )
        )
        return pack(Tag.PIECE_CONTENT, _sized(metadata), packet_id=packet_id)

    @classmethod
    def parse_metadata(cls, metadata: bytes) -> PieceContent:
        """Read the metadata section, without the length before it."""
        try:
            piece, offset, length = _PLACE.unpack_from(metadata, 0)
            digest, at = _take_sized(metadata, _PLACE.size)
            parent_id, at = _take_sized(metadata, at)
            traffic_type, cost_s, created_at = _TAIL.unpack_from(metadata, at)
        except struct.error as error:
            raise BadInput("the metadata of a piece is too short") from error
        return cls(
            piece,
            offset,
            length,
            parse_text(digest),
            parse_text(parent_id),
            traffic_type,
            cost_s,
            created_at,
        )


def parse_metadata_length(data: bytes) -> int:
    """The length of the metadata section, BadInput if it cannot be one."""
    (length,) = _LENGTH.unpack(data)
    if length > MAX_METADATA_SIZE:
        raise BadInput(f"metadata of {length} bytes for one piece")
    return int(length)


@dataclass(frozen=True, slots=True)
class PieceError:
    """The value of an Error packet: code, a colon, and a message that is never empty."""

    code: int
    message: str

    def pack(self, *, packet_id: int = 0) -> bytes:
        return pack(
            Tag.ERROR, bytes([self.code]) + b":" + self.message.encode(), packet_id=packet_id
        )

    @classmethod
    def parse(cls, value: bytes) -> PieceError:
        if len(value) < 2 or value[1:2] != b":":
            raise BadInput("an Error packet makes no sense")
        return cls(value[0], parse_text(value[2:]))


def _sized(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _take_sized(data: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(data, at)
    start = at + _LENGTH.size
    end = start + length
    if end > len(data):
        raise BadInput("the metadata of a piece is too short")
    return data[start:end], end
