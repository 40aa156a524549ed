"""The framing of a ``multipart/byteranges`` body (RFC 9110, 14.6). Pure; called by ``response``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dfcore.ranges import ByteRange, format_content_range


@dataclass(frozen=True, slots=True)
class Multipart:
    """Several ranges of one content in one body."""

    ranges: Sequence[ByteRange]
    size_bytes: int
    content_type: str | None
    boundary: str

    @property
    def header(self) -> str:
        """The Content-Type of the whole."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """The Content-Length of the whole."""
        return sum(len(head) + part.size for head, part in self.parts()) + len(self.tail)

    @property
    def tail(self) -> bytes:
        """What follows the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    def parts(self) -> Iterator[tuple[bytes, ByteRange]]:
        """What precedes each part, and the part."""
        for number, part in enumerate(self.ranges):
            lines = ["" if number == 0 else "\r\n", f"--{self.boundary}\r\n"]
            if self.content_type:
                lines.append(f"Content-Type: {self.content_type}\r\n")
            lines.append(f"Content-Range: {format_content_range(part, self.size_bytes)}\r\n\r\n")
            yield "".join(lines).encode(), part
