from __future__ import annotations

from dfcore.ranges import ByteRange
from dfdaemon.proxy.multipart import Multipart


def test_parts_say_their_range_and_type() -> None:
    body = Multipart([ByteRange(0, 2), ByteRange(5, 6)], 9, "text/plain", "b")
    (first, _), (second, part) = body.parts()
    assert first == b"--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/9\r\n\r\n"
    assert second.startswith(b"\r\n--b\r\n")
    assert part == ByteRange(5, 6)
    assert body.tail == b"\r\n--b--\r\n"
    assert body.length == len(first) + 2 + len(second) + 1 + len(body.tail)
