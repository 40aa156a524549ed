"""Tensors of a safetensors file as numpy arrays, without a copy: an example of what the loader is for.

The header's JSON tells dtype, shape and place of every tensor (format: huggingface/safetensors README).
`load_file` reads the file once, in parallel, and returns views of that one buffer.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import Any

from dfcore.errors import BadInput
from dffs.load.parallel import Direct, parallel_load

MAX_HEADER_BYTES = 100_000_000
# bfloat16 and the 8-bit floats have no numpy type: their bits come as unsigned integers.
NUMPY_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "F8_E4M3": "|u1",
    "F8_E5M2": "|u1",
    "BOOL": "|b1",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies: bytes `start` to `end` of the file (half-open)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def header_size(head: bytes | memoryview) -> int:
    """The offset of the first tensor byte, from the first 8 bytes of the file. Raises BadInput."""
    size = int.from_bytes(head[:8], "little") if len(head) >= 8 else 0
    if not 2 <= size <= MAX_HEADER_BYTES:
        raise BadInput("not a safetensors file: its header has no length that makes sense")
    return 8 + size


def parse_header(head: bytes | memoryview, file_size: int) -> list[Tensor]:
    """The tensors of a file in the order of their bytes; `head` holds at least the whole header."""
    begin = header_size(head)
    try:
        entries = json.loads(bytes(head[8:begin]))
        tensors = [
            _tensor(name, entry, begin) for name, entry in entries.items() if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput("not a safetensors file: its header is no JSON of tensors") from error
    if any(not begin <= one.start <= one.end <= file_size for one in tensors):
        raise BadInput("a safetensors file that is cut, or whose header points outside of it")
    return sorted(tensors, key=lambda one: one.start)


def _tensor(name: str, entry: dict[str, Any], begin: int) -> Tensor:
    start, end = entry["data_offsets"]
    return Tensor(name, entry["dtype"], tuple(entry["shape"]), begin + start, begin + end)


def load_file(
    path: str | os.PathLike[str], *, threads: int = 8, direct: Direct = "auto"
) -> dict[str, Any]:
    """Every tensor of the file by name, as `numpy.ndarray`. Needs numpy. Raises BadInput, NotFound."""
    import numpy

    data = parallel_load(path, threads=threads, direct=direct).data
    arrays: dict[str, Any] = {}
    for one in parse_header(data[: header_size(data[:8])], len(data)):
        dtype = NUMPY_TYPES.get(one.dtype)
        if dtype is None:
            raise BadInput(f"{one.name}: no numpy type for {one.dtype}")
        count = math.prod(one.shape)
        if count * numpy.dtype(dtype).itemsize != one.end - one.start:
            raise BadInput(f"{one.name}: {one.end - one.start} bytes are not its shape {one.shape}")
        flat = numpy.frombuffer(data, dtype=dtype, count=count, offset=one.start)
        arrays[one.name] = flat.reshape(one.shape)
    return arrays
