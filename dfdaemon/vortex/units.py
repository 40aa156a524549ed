"""The packets of our own data connections: ask for a unit, get it, or hear why not.

Such a connection is kept alive and carries one transfer at a time: a request, its answer, and
after a UnitContent packet the raw bytes of the unit. Parents serve them in ``upload/``, children
ask in ``fetch/parent``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from dfcore.bitmap import Bitmap
from dfcore.digest import UNIT_DIGEST_BYTES
from dfcore.errors import BadInput
from dfdaemon.vortex.wire import TASK_ID_SIZE, Tag, pack, pack_task_id, parse_task_id, parse_text

_UNIT = struct.Struct(">I")
_HOST_LENGTH = struct.Struct(">H")
_CONTENT = struct.Struct(f">IQI{UNIT_DIGEST_BYTES}s")

UNIT_CONTENT_SIZE = _CONTENT.size


class AbsentCode(IntEnum):
    """Why a parent does not serve."""

    UNKNOWN_TASK = 0
    NOT_HELD = 1
    TASK_FAILED = 2
    RESTRICTED = 3
    NOTHING_WANTED = 4


@dataclass(frozen=True, slots=True)
class GetUnit:
    """Send this unit."""

    task_id: str
    unit: int
    child_host_id: str

    def pack(self) -> bytes:
        value = pack_task_id(self.task_id) + _UNIT.pack(self.unit) + self.child_host_id.encode()
        return pack(Tag.GET_UNIT, value)

    @classmethod
    def parse(cls, value: bytes) -> GetUnit:
        head = TASK_ID_SIZE + _UNIT.size
        if len(value) < head:
            raise BadInput("a GetUnit packet is too short")
        (unit,) = _UNIT.unpack_from(value, TASK_ID_SIZE)
        return cls(parse_task_id(value[:TASK_ID_SIZE]), unit, parse_text(value[head:]))


@dataclass(frozen=True, slots=True)
class GetAny:
    """Send any one of these units, chosen by the parent, as soon as it has a slot for it.

    ``wanted`` is a bitmap as `Bitmap.to_bytes` makes it; how many units it is about is known to
    both sides from the task.
    """

    task_id: str
    child_host_id: str
    wanted: bytes

    def pack(self) -> bytes:
        host = self.child_host_id.encode()
        value = pack_task_id(self.task_id) + _HOST_LENGTH.pack(len(host)) + host + self.wanted
        return pack(Tag.GET_ANY, value)

    @classmethod
    def parse(cls, value: bytes) -> GetAny:
        head = TASK_ID_SIZE + _HOST_LENGTH.size
        if len(value) < head:
            raise BadInput("a GetAny packet is too short")
        (host_length,) = _HOST_LENGTH.unpack_from(value, TASK_ID_SIZE)
        if len(value) < head + host_length:
            raise BadInput("a GetAny packet is too short")
        host = parse_text(value[head : head + host_length])
        return cls(parse_task_id(value[:TASK_ID_SIZE]), host, value[head + host_length :])

    def bitmap(self, unit_count: int) -> Bitmap:
        """The wanted units; BadInput unless it is a bitmap of that many."""
        return Bitmap.from_bytes(self.wanted, unit_count)


@dataclass(frozen=True, slots=True)
class UnitContent:
    """The head of a unit: ``length`` raw bytes follow, whose xxh3_128 is ``digest``."""

    unit: int
    offset: int
    length: int
    digest: bytes

    def pack(self) -> bytes:
        return pack(
            Tag.UNIT_CONTENT, _CONTENT.pack(self.unit, self.offset, self.length, self.digest)
        )

    @classmethod
    def parse(cls, value: bytes) -> UnitContent:
        if len(value) != _CONTENT.size:
            raise BadInput("a UnitContent packet has the wrong length")
        return cls(*_CONTENT.unpack(value))


@dataclass(frozen=True, slots=True)
class Absent:
    """The parent cannot serve the request, and asking again will not help soon."""

    code: int
    reason: str

    def pack(self) -> bytes:
        return pack(Tag.ABSENT, bytes([self.code]) + self.reason.encode())

    @classmethod
    def parse(cls, value: bytes) -> Absent:
        if not value:
            raise BadInput("an Absent packet is empty")
        return cls(value[0], parse_text(value[1:]))


def pack_busy() -> bytes:
    """Every slot is taken: ask again shortly, or another parent."""
    return pack(Tag.BUSY)
