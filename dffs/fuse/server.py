"""Threads that read requests from /dev/fuse, have them answered, and write the replies.

Each thread handles what it reads inline; when the last idle one has got a request, another is
started, up to a limit, so that slow reads do not hold up quick ones. Whatever goes wrong in a
handler becomes an errno: a request without a reply would leave a process that nobody can kill.
The mount process (`dffs.vfs.kernel.mounting`) owns one `Server`; `stop` lets go of the descriptor
without unmounting, for a successor.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from dffs.fuse.dispatch import Dispatcher
from dffs.fuse.errors import errno_of
from dffs.fuse.init import InitOptions, Negotiated, negotiate
from dffs.fuse.interrupts import Watch
from dffs.fuse.notify import Notifier
from dffs.fuse.operations import Data, Operations, Request
from dffs.fuse.wire import HEADER_ROOM, IN_HEADER, IN_HEADER_SIZE, OUT_HEADER, U64, Opcode
from dfinfra.logs import get_logger

# What a read of /dev/fuse may fail with while the connection is fine.
_AGAIN = (errno.ENOENT, errno.EINTR, errno.EAGAIN)
_STOP_POLL_S = 0.05
WAKE_SIGNAL = signal.SIGUSR2
_INTERRUPT = int(Opcode.INTERRUPT)
# Where the handle is in the replies that give one: CREATE's comes after an entry.
_OPENING = {int(Opcode.OPEN): 0, int(Opcode.CREATE): 128}

# request, seconds taken, errno or 0, bytes of the reply
Observer = Callable[[Request, memoryview, float, int, int], None]

_log = get_logger("fuse")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How many threads: those that stay when idle, and the most there may be."""

    idle_threads: int = 8
    max_threads: int = 128


def make_interruptible() -> None:
    """Let `Server.stop` wake its threads. Called once, from the main thread."""
    signal.signal(WAKE_SIGNAL, lambda _number, _frame: None)


class Server:
    """One FUSE connection. `serve` returns when it is unmounted, or after `stop`."""

    def __init__(
        self, device: int, operations: Operations, options: ServerOptions | None = None
    ) -> None:
        self.device = device
        self.notifier = Notifier(device)
        self.negotiated: Negotiated | None = None
        self.observer: Observer | None = None
        self._ops = operations
        self._options = options or ServerOptions()
        self._dispatcher = Dispatcher(operations)
        self._lock = threading.Lock()
        self._idle = 0
        self._threads: set[threading.Thread] = set()
        self._ended = threading.Event()
        self._stopping = False
        self._in_flight: dict[int, Request] = {}
        self._watch = Watch(self._in_flight, self._let_go)

    def initialize(self, options: InitOptions) -> Negotiated:
        """Answer the kernel's first request. Called once, before `start`, on a fresh mount."""
        buffer = os.read(self.device, options.max_write_bytes + HEADER_ROOM)
        _, opcode, unique, *_ = IN_HEADER.unpack_from(buffer)
        if opcode != Opcode.INIT:
            raise OSError(errno.EPROTO, f"expected INIT, the kernel sent opcode {opcode}")
        try:
            agreed, body = negotiate(buffer[IN_HEADER_SIZE:], options)
        except OSError:
            self._write(unique, errno.EPROTO, b"")
            raise
        self.resume(agreed)
        self._write(unique, 0, body)
        return agreed

    def resume(self, agreed: Negotiated) -> None:
        """Go on with a connection that a predecessor has negotiated."""
        self.negotiated = agreed
        self._dispatcher = Dispatcher(self._ops, setxattr_ext=agreed.setxattr_ext)

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        os.set_blocking(self.device, True)
        with self._lock:
            for _ in range(self._options.idle_threads):
                self._spawn()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until the kernel has ended the connection, or `stop`; False if the time ran out."""
        return self._ended.wait(timeout_s)

    def stop(self) -> None:
        """Answer what was read and read no more. The connection stays; its requests wait.

        Needs `make_interruptible` to have been called.
        """
        self._stopping = True
        # A thread asleep in read(2) gets EINTR, Python calls read again, and that gets EAGAIN.
        os.set_blocking(self.device, False)
        while True:
            with self._lock:
                threads = list(self._threads)
            for thread in threads:
                if thread.ident is not None and thread.is_alive():
                    with suppress(ProcessLookupError):
                        signal.pthread_kill(thread.ident, WAKE_SIGNAL)
            if not threads:
                break
            threads[0].join(_STOP_POLL_S)
        self._ended.set()

    def reply(self, unique: int, error: int = 0, body: Data = b"") -> None:
        """Answer a request that was put off (`LATER`), from any thread."""
        self._write(unique, error, body)

    @property
    def threads(self) -> int:
        """How many there are now."""
        return len(self._threads)

    def _spawn(self) -> None:
        thread = threading.Thread(target=self._run, name=f"fuse-{len(self._threads)}", daemon=True)
        self._threads.add(thread)
        self._idle += 1
        try:
            thread.start()
        except RuntimeError as error:  # no more threads to be had: those there are must do
            self._threads.discard(thread)
            self._idle -= 1
            _log.warning("no further thread", threads=len(self._threads), error=str(error))

    def _run(self) -> None:
        try:
            self._serve()
        except Exception:
            _log.critical("a thread of the mount died", exc_info=True)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
                last = not self._threads
            if last:
                self._ended.set()

    def _serve(self) -> None:
        assert self.negotiated is not None
        buffer = bytearray(self.negotiated.max_write_bytes + HEADER_ROOM)
        view = memoryview(buffer)
        device, buffers, readv = self.device, (buffer,), os.readv
        lock = self._lock
        while not self._stopping:
            try:
                length = readv(device, buffers)
            except OSError as error:
                if error.errno in _AGAIN:
                    continue
                if error.errno != errno.ENODEV:
                    _log.error("the FUSE device cannot be read", error=str(error))
                return
            with lock:
                self._idle -= 1
                if not self._idle and len(self._threads) < self._options.max_threads:
                    self._spawn()
            try:
                self._handle(view[:length])
            except Exception:
                _log.critical("a request was not answered", exc_info=True)
                self._refuse(IN_HEADER.unpack_from(buffer)[2])
            with lock:
                if self._idle >= self._options.idle_threads:
                    return
                self._idle += 1

    def _handle(self, message: memoryview) -> None:
        _, opcode, unique, node, uid, gid, pid, extensions, _ = IN_HEADER.unpack_from(message)
        request = Request(opcode, unique, node, uid, gid, pid)
        end = len(message) - 8 * extensions
        body = message[IN_HEADER_SIZE:end]
        observer = self.observer
        began = perf_counter() if observer is not None else 0.0
        error, answer = 0, None
        self._in_flight[unique] = request
        try:
            answer = self._dispatcher.answer(request, body)
        except OSError as refusal:
            error = refusal.errno or errno.EIO
        except Exception as failure:
            error = self._failed(request, failure)
        if self._in_flight.pop(unique, None) is None:
            self._undo(request, answer)
        elif error or answer is not None:
            self._write(unique, error, answer or b"")
        elif opcode == _INTERRUPT:
            self._watch.interrupted(U64.unpack_from(body)[0])
        if observer is not None:
            taken = perf_counter() - began
            observer(request, body, taken, error, len(answer) if answer is not None else 0)

    def _let_go(self, request: Request) -> None:
        """Whoever waits for this is dying; the work on it goes on, its result is dropped."""
        if self._in_flight.pop(request.unique, None) is not None:
            self._write(request.unique, errno.EINTR, b"")

    def _undo(self, request: Request, answer: Data | None) -> None:
        """What was opened for a process that is gone: nobody else will close it."""
        if answer is None:
            return
        if request.opcode in _OPENING:
            (handle,) = U64.unpack_from(answer, _OPENING[request.opcode])
            try:
                self._ops.release(request, handle, 0, False)
            except Exception as failure:
                self._failed(request, failure)
        elif request.opcode == Opcode.OPENDIR:
            self._ops.releasedir(request, U64.unpack_from(answer)[0])

    def _failed(self, request: Request, failure: Exception) -> int:
        """What is not a plain refusal is for the log: in one line what is known, else with its trace."""
        number = errno_of(failure)
        known = number is not None
        log = _log.warning if known else _log.error
        log(
            "a request failed",
            opcode=request.opcode,
            node=request.node,
            error=str(failure),
            exc_info=not known,
        )
        return number or errno.EIO

    def _write(self, unique: int, error: int, body: Data) -> None:
        head = OUT_HEADER.pack(16 + (0 if error else len(body)), -error, unique)
        try:
            if error or not body:
                os.write(self.device, head)
            else:
                os.writev(self.device, (head, body))
        except OSError as failure:
            # ENOENT: the process that asked was killed meanwhile. ENODEV: unmounted.
            if failure.errno not in {errno.ENOENT, errno.ENODEV}:
                _log.error("a reply was not taken", unique=unique, error=str(failure))
                self._refuse(unique)

    def _refuse(self, unique: int) -> None:
        """The kernel did not like our reply: it must have one all the same."""
        try:
            os.write(self.device, OUT_HEADER.pack(16, -errno.EIO, unique))
        except OSError:
            pass
