"""File bytes to sockets by the kernel: for the upload server's connections and aiohttp responses.

uvloop has no sendfile and refuses its transports' descriptors to add_writer, and stock aiohttp
falls back to small reads in threads there, so this module does it alone: ``os.sendfile`` on a
non-blocking socket, waiting for room with ``poll`` in a thread for the first few transfers and on
the loop for all others (no thread per slow reader). For an aiohttp response the socket is a dup
of the transport's: a connection that closes meanwhile cannot hand a recycled descriptor to us.
Under TLS the kernel cannot help; blocks of 1 MiB go through the transport.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from aiohttp import web

from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.peerlink.conn import StreamConn
from dfdaemon.peerlink.waiting import writable
from dfinfra.offload import Pool

_TLS_BLOCK_SIZE = 1 << 20
# Small, so that transfers which share a low limit each get bytes out before their readers give up.
_LIMITED_BLOCK_SIZE = 64 * 1024
_MAX_BLOCK_SIZE = 1 << 30
# A reader's rate is not judged before so many seconds.
_RATE_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a slow reader is borne with.

    ``stall_timeout_s`` without a byte, or less than ``min_rate_bytes_s`` on average, ends the
    transfer. None and 0 stand for any patience.
    """

    stall_timeout_s: float | None = None
    min_rate_bytes_s: int = 0


ENDLESS = Patience()


@dataclass(slots=True)
class _Extent:
    """What is still to be sent of a file, and how it goes."""

    fd: int
    offset: int
    left: int
    patience: Patience
    prefix: bytes = b""
    sent: int = 0
    started: float = field(default_factory=monotonic)

    def push(self, sock: socket.socket, most: int) -> bool:
        """Send what the socket takes, at most ``most`` bytes; False if it must be waited for."""
        try:
            if self.prefix:
                flags = socket.MSG_MORE if self.left else 0
                self.prefix = self.prefix[sock.send(self.prefix, flags) :]
                return True
            sent = os.sendfile(sock.fileno(), self.fd, self.offset, min(self.left, most))
        except BlockingIOError:
            return False
        if not sent:
            raise OSError(errno.EIO, "the file is shorter than what was promised of it")
        self.offset += sent
        self.left -= sent
        self.sent += sent
        return True

    @property
    def done(self) -> bool:
        return not self.left and not self.prefix

    def check_rate(self) -> None:
        """TimeoutError if the reader is too slow to be borne with."""
        lasted_s = monotonic() - self.started
        if lasted_s > _RATE_GRACE_S and self.sent < lasted_s * self.patience.min_rate_bytes_s:
            raise TimeoutError("the reader takes too long")


class Sender:
    """Sends extents of files. ``threads`` transfers at once have a thread of their own."""

    def __init__(self, *, threads: int = 8) -> None:
        self._pool = Pool("sendfile", threads)
        self._free_threads = threads

    async def send_socket(
        self,
        sock: socket.socket,
        fd: int,
        offset: int,
        length: int,
        *,
        prefix: bytes = b"",
        limiter: Limiter = NO_LIMIT,
        patience: Patience = ENDLESS,
    ) -> None:
        """Send ``prefix`` and then the extent over a non-blocking socket that no transport owns.

        Raises OSError (ConnectionError; TimeoutError for a reader that is too slow; EIO for a file
        that is too short). After that, or when cancelled, the connection is of no more use.
        """
        extent = _Extent(fd, offset, length, patience, prefix)
        if not limiter.unlimited:
            await _send_limited(sock, extent, limiter)
        elif self._free_threads > 0:
            self._free_threads -= 1
            try:
                shut = partial(_shut, sock)
                await self._pool.run_interruptibly(shut, _send_in_thread, sock, extent)
            finally:
                self._free_threads += 1
        else:
            await _send_on_loop(sock, extent, extent.left)

    async def send_stream(
        self,
        conn: StreamConn,
        fd: int,
        offset: int,
        length: int,
        *,
        prefix: bytes = b"",
        limiter: Limiter = NO_LIMIT,
        patience: Patience = ENDLESS,
    ) -> None:
        """`send_socket` for a TLS stream."""
        extent = _Extent(fd, offset, length, patience)
        conn.writer.write(prefix)
        while not extent.done:
            block = await self._read_block(extent, limiter)
            await _pause(limiter, extent, len(block))
            async with asyncio.timeout(patience.stall_timeout_s):
                await conn.write(block)
            extent.check_rate()

    async def send_extent(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        fd: int,
        offset: int,
        length: int,
        *,
        limiter: Limiter = NO_LIMIT,
        patience: Patience = ENDLESS,
    ) -> None:
        """Send an extent as part of the body of a prepared response whose Content-Length is set.

        Works on asyncio and uvloop, in clear and under TLS. Call it for each extent in order, then
        ``write_eof``. Raises as `send_socket` does; the connection is then aborted.
        """
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        if transport.get_extra_info("sslcontext") is not None:
            await self._write_blocks(response, _Extent(fd, offset, length, patience), limiter)
            return
        # aiohttp sends the head with the first body bytes, and these do not pass through it.
        writer = response._payload_writer
        if writer is not None:
            writer.send_headers()
        try:
            with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as sock:
                while transport.get_write_buffer_size():
                    await writable(sock.fileno())
                await self.send_socket(sock, fd, offset, length, limiter=limiter, patience=patience)
        except BaseException:
            # Part of the promised body may be out: nothing else may follow on this connection.
            transport.abort()
            raise

    async def aclose(self) -> None:
        """Let the threads go; transfers that run end with their connections."""
        self._pool.close()

    async def _write_blocks(
        self, response: web.StreamResponse, extent: _Extent, limiter: Limiter
    ) -> None:
        while not extent.done:
            block = await self._read_block(extent, limiter)
            await _pause(limiter, extent, len(block))
            async with asyncio.timeout(extent.patience.stall_timeout_s):
                await response.write(block)
            extent.check_rate()

    async def _read_block(self, extent: _Extent, limiter: Limiter) -> bytes:
        size = min(extent.left, _TLS_BLOCK_SIZE if limiter.unlimited else _LIMITED_BLOCK_SIZE)
        block = await self._pool.run(os.pread, extent.fd, size, extent.offset)
        if not block:
            raise OSError(errno.EIO, "the file is shorter than what was promised of it")
        extent.offset += len(block)
        extent.left -= len(block)
        extent.sent += len(block)
        return block


def _send_in_thread(sock: socket.socket, extent: _Extent) -> None:
    room = select.poll()
    room.register(sock, select.POLLOUT)
    stall_timeout_s = extent.patience.stall_timeout_s
    timeout_ms = None if stall_timeout_s is None else stall_timeout_s * 1000
    while not extent.done:
        if not extent.push(sock, _MAX_BLOCK_SIZE):
            if not room.poll(timeout_ms):
                raise TimeoutError("the reader has stopped")
            extent.check_rate()


async def _send_on_loop(sock: socket.socket, extent: _Extent, size: int) -> None:
    """Send the next ``size`` bytes, waiting for room on the loop."""
    until = extent.sent + size
    while extent.prefix or extent.sent < until:
        if extent.push(sock, min(until - extent.sent, _TLS_BLOCK_SIZE)):
            # A reader that is always ready must not keep the loop from everybody else.
            await asyncio.sleep(0)
        else:
            try:
                async with asyncio.timeout(extent.patience.stall_timeout_s):
                    await writable(sock.fileno())
            except TimeoutError:
                raise TimeoutError("the reader has stopped") from None
            extent.check_rate()


async def _send_limited(sock: socket.socket, extent: _Extent, limiter: Limiter) -> None:
    """Block by block, on the loop: waiting for a limiter is not worth a thread."""
    while not extent.done:
        size = min(extent.left, _LIMITED_BLOCK_SIZE)
        await _pause(limiter, extent, size)
        await _send_on_loop(sock, extent, size)


async def _pause(limiter: Limiter, extent: _Extent, size_bytes: int) -> None:
    """Wait for the limiter; the time does not count against the reader."""
    delay_s = limiter.reserve(size_bytes)
    if delay_s > 0:
        extent.started += delay_s
        await asyncio.sleep(delay_s)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
