"""An HTTP origin that answers by a script, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from tests.component.dfdaemon_plane.bed import CONTENT
from tests.component.dfdaemon_plane.scripted import scripted


@dataclass(frozen=True)
class Asked:
    """A request head; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int

    @property
    def range(self) -> tuple[int, int] | None:
        """What it asks for, half-open."""
        if "range" not in self.headers:
            return None
        first, _, last = self.headers["range"].removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1 if last else len(CONTENT)


Answers = Callable[[Asked], bytes]


@dataclass
class Origin:
    """``url`` of the running origin; ``asked`` in order."""

    answers: Answers
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    stall: bool = False
    keep_alive: bool = True


@asynccontextmanager
async def origin(answers: Answers, *, tls: SSLContext | None = None) -> AsyncIterator[Origin]:
    this = Origin(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this.connections += 1
        connection = this.connections
        while True:
            asked = await _read_head(reader, connection)
            this.asked.append(asked)
            this.was_asked.set()
            writer.write(this.answers(asked))
            await writer.drain()
            if this.stall:
                await reader.read()
            if not this.keep_alive:
                return

    async with scripted(serve, tls=tls) as (host, port):
        this.url = f"{'https' if tls else 'http'}://{host}:{port}/blob"
        yield this


async def _read_head(reader: asyncio.StreamReader, connection: int) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    pairs = (each.split(": ", 1) for each in fields)
    return Asked(method, target, {name.lower(): value for name, value in pairs}, connection)


def answer(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    """An answer; underscores in names stand for hyphens. ``length`` is what is promised."""
    fields = {"Content-Length": str(len(body) if length is None else length)}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


def part(asked: Asked, *, content: bytes = CONTENT, **headers: str) -> bytes:
    """The right answer of an origin that knows ranges."""
    headers = {"ETag": '"v1"'} | headers
    if asked.range is None:
        return answer(200, content, Accept_Ranges="bytes", **headers)
    start, end = asked.range
    end = min(end, len(content))
    place = f"bytes {start}-{end - 1}/{len(content)}"
    return answer(206, content[start:end], Content_Range=place, **headers)


def chunked(body: bytes, *, size: int = 100_000, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded + end
