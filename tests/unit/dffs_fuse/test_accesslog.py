from __future__ import annotations

from dffs.fuse import wire
from dffs.fuse.operations import Request
from dffs.fuse.wire import Opcode
from dffs.vfs.kernel.accesslog import AccessLog


def _request(opcode: int) -> Request:
    return Request(opcode, 10, 7, 1000, 100, 42)


def _line(opcode: int, body: bytes, *, error: int = 0, size: int = 0) -> str:
    log = AccessLog()
    read, close = log.open()
    log.record(_request(opcode), memoryview(body), 0.00125, error, size)
    text = read(0, 4096).decode()
    close()
    return text.partition("] ")[2]


def test_lines_are_those_of_juicefs() -> None:
    body = wire.READ_IN.pack(3, 4096, 1000, 0, 0, 0, 0)
    assert _line(Opcode.READ, body, size=999) == "read (7,1000,4096,3): OK [999] <0.001250>\n"
    assert _line(Opcode.LOOKUP, b"a name\0", error=2) == (
        "lookup (7,a name): No such file or directory <0.001250>\n"
    )
    body = wire.RENAME2_IN.pack(8, 0, 0) + b"old\0new\0"
    assert _line(Opcode.RENAME2, body) == "rename2 (7,old,new): OK <0.001250>\n"


def test_names_that_are_no_text_and_requests_that_are_unknown_have_lines_too() -> None:
    assert "lookup (7,\ufffd)" in _line(Opcode.LOOKUP, b"\xff\0")
    assert _line(63, b"", error=38).startswith("opcode63 (7): Function not implemented")
    assert _line(Opcode.READ, b"short").startswith("opcode15 (7): OK")


def test_nothing_is_kept_while_nobody_reads() -> None:
    log = AccessLog()
    assert not log.wanted
    _, close = log.open()
    assert log.wanted
    close()
    assert not log.wanted


def test_a_small_reader_gets_every_byte_in_order() -> None:
    log = AccessLog()
    read, _ = log.open()
    for _ in range(3):
        log.record(_request(Opcode.STATFS), memoryview(b""), 0.0, 0, 80)
    text = b""
    while text.count(b"\n") < 3:
        text += read(0, 7)
    assert text.count(b"statfs (7): OK [80] <0.000000>\n") == 3


def test_a_slow_reader_loses_the_oldest_lines() -> None:
    log = AccessLog()
    read, _ = log.open()
    for number in range(10_300):
        log.record(_request(Opcode.LOOKUP), memoryview(b"%d\0" % number), 0.0, 0, 0)
    assert b"lookup (7,60)" in read(0, 100)
