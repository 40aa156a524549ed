"""Recognises model files by their first bytes: safetensors and GGUF. Pure.

Whoever reads the header of such a file loads the tensors next, often in parts by many page faults.
The layout says in which order the rest is worth fetching. Formats: huggingface/safetensors (8 bytes
of header length, JSON with data_offsets) and ggml-org/ggml docs/gguf.md (magic, version, counts).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

_MAX_HEADER = 100_000_000
_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class ModelLayout:
    """`data_start` is where the tensors begin, `tensors` their first bytes if they are known."""

    kind: str
    data_start: int
    tensors: tuple[int, ...] = ()

    def order_from(self, offset: int, block_bytes: int, block_count: int) -> list[int]:
        """Every block, in the order of use: from the tensor that `offset` lies in to the end, then
        what lies before it."""
        start = max((t for t in self.tensors if t <= offset), default=self.data_start)
        first = min(start // block_bytes, block_count)
        return [*range(first, block_count), *range(first)]


def detect(head: bytes | memoryview, size_bytes: int) -> ModelLayout | None:
    """The layout of a model file, from as much of its beginning as is there; None if it is none."""
    start = bytes(head[:24])
    if start[:4] == _GGUF_MAGIC and len(start) == 24:
        version, tensors, pairs = struct.unpack("<IQQ", start[4:])
        if 1 <= version <= 99 and tensors < 1 << 24 and pairs < 1 << 24:
            return ModelLayout("gguf", 0)
        return None
    if len(start) < 9:
        return None
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= _MAX_HEADER or 8 + length > size_bytes or start[8:9] != b"{":
        return None
    return ModelLayout("safetensors", 8 + length, _tensors(head, length))


def _tensors(head: bytes | memoryview, length: int) -> tuple[int, ...]:
    if len(head) < 8 + length:
        return ()
    try:
        header = json.loads(bytes(head[8 : 8 + length]))
        starts = [item["data_offsets"][0] for key, item in header.items() if key != "__metadata__"]
        return tuple(sorted(8 + length + int(start) for start in starts))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return ()
