"""Which blocks to fetch before they are asked for. Pure: one Readahead per open content.

Several streams are followed at once, as parallel loaders make them. A stream's window doubles while it
goes on where it was expected to; a read that belongs to none starts one. The owner locks.
"""

from __future__ import annotations

from dataclasses import dataclass

#: So many streams are followed; the one that was quiet for longest is forgotten.
MAX_STREAMS = 16


@dataclass(slots=True)
class _Stream:
    expected: int  # the offset at which the next read should begin
    window: int  # in blocks
    issued: int  # the first block that was not asked for yet


class Readahead:
    """Offsets and sizes are bytes, results are block numbers."""

    def __init__(self, block_bytes: int, block_count: int, *, max_window: int) -> None:
        self._block_bytes = block_bytes
        self._count = block_count
        self._max_window = max(max_window, 0)
        self._streams: list[_Stream] = []  # least recently used first

    def on_read(self, offset: int, size: int) -> range:
        """The blocks that should be fetched now, beside those that this read needs itself."""
        end = offset + size
        stream = self._find(offset)
        if stream is None:
            # The beginning of a file is read to the end more often than not.
            stream = _Stream(end, 1 if offset == 0 else 0, 0)
            if len(self._streams) == MAX_STREAMS:
                self._streams.pop(0)
        elif end > stream.expected:
            stream.expected = end
            stream.window = min(max(2 * stream.window, 1), self._max_window)
        self._streams.append(stream)
        return self._wanted(stream, end)

    def _find(self, offset: int) -> _Stream | None:
        """The stream that expects this read; kernels read in parts that overtake each other."""
        slack = self._block_bytes
        for at in range(len(self._streams) - 1, -1, -1):
            stream = self._streams[at]
            if stream.expected - 2 * slack <= offset <= stream.expected + slack:
                return self._streams.pop(at)
        return None

    def _wanted(self, stream: _Stream, end: int) -> range:
        if not stream.window:
            return range(0)
        first = max(-(-end // self._block_bytes), stream.issued)
        last = min(-(-end // self._block_bytes) + stream.window, self._count)
        if first >= last:
            return range(0)
        stream.issued = last
        return range(first, last)
