"""Vortex framing, plain Dragonfly's and ours: ``id u8 | tag u8 | length u32be | value``.

Pure: bytes in, bytes out. Whoever owns the socket reads ``HEADER_SIZE`` bytes, calls `parse_header`
with the longest value it will accept, and reads that many more. The format is that of
dragonflyoss/vortex-protocol (docs/README.md, src/lib.rs); tags 210 to 229 are our addition, in the
range that Vortex reserves, and are sent only to hosts that say they are ours.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from dfcore.errors import BadInput

HEADER_SIZE = 6
TASK_ID_SIZE = 64

# A request carries ids and a bitmap of units; a million units would be 128 KiB of it.
MAX_REQUEST_SIZE = 256 * 1024

_HEADER = struct.Struct(">BBI")


class Tag(IntEnum):
    """What a packet's value is."""

    DOWNLOAD_PIECE = 0
    PIECE_CONTENT = 1
    GET_UNIT = 210
    GET_ANY = 211
    UNIT_CONTENT = 212
    BUSY = 213
    ABSENT = 214
    CONTROL_HELLO = 220
    CONTROL_FRAME = 221
    CONTROL_PING = 222
    CLOSE = 254
    ERROR = 255


@dataclass(frozen=True, slots=True)
class Header:
    """The first six bytes of a packet. ``tag`` may be a number that `Tag` does not know."""

    packet_id: int
    tag: int
    length: int


def pack(tag: Tag, value: bytes = b"", *, packet_id: int = 0) -> bytes:
    """A whole packet."""
    return _HEADER.pack(packet_id, tag, len(value)) + value


def parse_header(data: bytes | bytearray | memoryview, *, longest: int) -> Header:
    """Read a header; BadInput if it is short or announces a value of more than ``longest`` bytes.

    ``longest`` keeps a stranger from making us reserve 4 GiB with six bytes.
    """
    if len(data) != HEADER_SIZE:
        raise BadInput(f"a Vortex header has {HEADER_SIZE} bytes, not {len(data)}")
    packet_id, tag, length = _HEADER.unpack(data)
    if length > longest:
        raise BadInput(
            f"a Vortex packet (tag {tag}) of {length} bytes; at most {longest} are taken"
        )
    return Header(packet_id, tag, length)


def pack_task_id(task_id: str) -> bytes:
    """The 64 ASCII characters of a task id."""
    data = task_id.encode("ascii", "strict") if task_id.isascii() else b""
    if len(data) != TASK_ID_SIZE:
        raise BadInput(f"a task id has {TASK_ID_SIZE} ASCII characters")
    return data


def parse_task_id(data: bytes) -> str:
    """A task id out of a packet: lower-case hex, so that it is safe in logs and paths."""
    if len(data) != TASK_ID_SIZE or data.strip(b"0123456789abcdef"):
        raise BadInput("the packet does not hold a task id")
    return data.decode("ascii")


def parse_text(data: bytes) -> str:
    """UTF-8 text out of a packet."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadInput("the packet holds text that is not UTF-8") from error
