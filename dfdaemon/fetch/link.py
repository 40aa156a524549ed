"""One data connection to a parent, in clear or over TLS: ask on the loop, receive in a thread.

Connecting, the request and the head of the answer are waited for on the loop, where waiting costs
nothing (a seed answers late on purpose). Only the bytes of a unit take a thread, which blocks in
``recv_into`` with a kernel timeout. `parent` owns the links and decides; nobody else sees one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic

from dfcore.errors import BadInput, PeerBroken
from dfdaemon.fetch.requests import Address
from dfdaemon.peerlink.waiting import retrying
from dfdaemon.vortex.wire import HEADER_SIZE, Header, parse_header

# The head of an answer is small; what is longer is not one.
_MAX_ANSWER_SIZE = 64 * 1024


class Stalled(PeerBroken):
    """The parent is connected and sends nothing, or next to nothing."""

    code = "peer_stalled"


class Link:
    """A connection that carries one transfer at a time.

    ``reused`` tells that it has served before, so that its end may be old news. Not thread-safe but
    for `shut`, which may be called while a thread receives.
    """

    def __init__(self, sock: socket.socket, addr: Address, *, tls: bool) -> None:
        self.addr = addr
        self.tls = tls
        self.reused = False
        self.idle_since = 0.0  # by the clock of `time.monotonic`
        self.given_up = threading.Event()
        self._sock = sock

    @classmethod
    async def connect(cls, addr: Address, context: ssl.SSLContext | None, timeout_s: float) -> Link:
        """Connect, and shake hands if there is a ``context``. Raises PeerBroken."""
        family = socket.AF_INET6 if ":" in addr[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, addr)
                if context is not None:
                    sock = await _shake_hands(sock, context, addr[0])
        except (OSError, TimeoutError) as error:
            sock.close()
            raise PeerBroken(f"no connection to {_name(addr)}: {error or 'timed out'}") from error
        except BaseException:
            sock.close()
            raise
        return cls(sock, addr, tls=context is not None)

    @property
    def alive(self) -> bool:
        """Nothing has arrived since the last answer: neither an end nor anything else."""
        try:
            self._sock.recv(1, *(() if self.tls else (socket.MSG_PEEK,)))
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    async def ask(self, request: bytes, timeout_s: float) -> tuple[Header, bytes]:
        """Send a request, wait for the head of the answer and its value."""
        async with _speaking(self.addr, timeout_s):
            await self._send(request)
            header = parse_header(await self._read(HEADER_SIZE), longest=_MAX_ANSWER_SIZE)
            return header, await self._read(header.length)

    async def ask_header(self, request: bytes, timeout_s: float) -> Header:
        """Send a request and read the answer's header alone, whatever length it announces."""
        async with _speaking(self.addr, timeout_s):
            await self._send(request)
            return parse_header(await self._read(HEADER_SIZE), longest=0xFFFFFFFF)

    async def read(self, size: int, timeout_s: float) -> bytes:
        """Further bytes of a small answer."""
        async with _speaking(self.addr, timeout_s):
            return await self._read(size)

    def begin_receiving(self, stall_timeout_s: float) -> None:
        """Make the socket blocking, for a thread."""
        if self.tls:
            self._sock.settimeout(stall_timeout_s)
            return
        # A Python timeout would make the socket non-blocking underneath, and MSG_WAITALL void.
        self._sock.setblocking(True)
        seconds = int(stall_timeout_s)
        micros = int((stall_timeout_s - seconds) * 1e6)
        timeout = struct.pack("ll", seconds, micros)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)

    def receive_into(self, view: memoryview) -> int:
        """Fill ``view``, or as much of it as arrives before the stall timeout; at least a byte.

        Blocking. Raises Stalled, or PeerBroken if the connection ended.
        """
        try:
            if self.tls:
                received = self._receive_records(view)
            else:
                received = self._sock.recv_into(view, len(view), socket.MSG_WAITALL)
        except (BlockingIOError, TimeoutError) as error:
            raise Stalled(f"{_name(self.addr)} stopped sending in the middle of a unit") from error
        except OSError as error:
            raise PeerBroken(f"the connection to {_name(self.addr)} broke: {error}") from error
        if not received:
            raise PeerBroken(f"{_name(self.addr)} closed the connection in the middle of a unit")
        return received

    def end_receiving(self) -> None:
        """Give the socket back to the loop."""
        self._sock.setblocking(False)

    def shut(self) -> None:
        """Break the connection off; a thread that receives from it is woken."""
        self.given_up.set()
        try:
            # Not SSLSocket.shutdown: that would pull the TLS object from under the thread.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        self._sock.close()

    def _receive_records(self, view: memoryview) -> int:
        """TLS gives 16 KiB at a time: gather them, but not beyond the stall timeout."""
        deadline = monotonic() + (self._sock.gettimeout() or 0.0)
        received = 0
        while received < len(view):
            size = self._sock.recv_into(view[received:])
            received += size
            if not size or monotonic() > deadline:
                break
        return received

    async def _send(self, data: bytes) -> None:
        sent = 0
        while sent < len(data):
            rest = data[sent:]
            sent += await retrying(self._sock.fileno(), partial(self._sock.send, rest), writes=True)

    async def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            receive = partial(self._sock.recv, size - len(data))
            part = await retrying(self._sock.fileno(), receive)
            if not part:
                raise PeerBroken(f"{_name(self.addr)} closed the connection")
            data += part
        return data


@asynccontextmanager
async def _speaking(addr: Address, timeout_s: float) -> AsyncIterator[None]:
    """Turn what goes wrong with a socket, or takes longer than this, into PeerBroken."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise Stalled(f"{_name(addr)} did not answer within {timeout_s:g} s") from error
    except OSError as error:
        raise PeerBroken(f"the connection to {_name(addr)} broke: {error}") from error
    except BadInput as error:
        raise PeerBroken(f"{_name(addr)} sent nonsense: {error}") from error


async def _shake_hands(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    secured = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        await retrying(secured.fileno(), secured.do_handshake)
    except BaseException:
        secured.close()
        raise
    return secured


def _name(addr: Address) -> str:
    return f"{addr[0]}:{addr[1]}"
