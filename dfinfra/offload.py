"""Named, bounded thread pools for work that would block the loop.

The loop's default executor is shared with name resolution and small, so each kind of work
(disk, hashing, …) has a pool of its own. One call is one unit of work: a whole unit read
and hashed, not one ``read``. Callers are asyncio jobs of every service.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """At most ``threads`` calls at a time; as many again wait in it, all others outside."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = asyncio.Semaphore(2 * threads)

    async def run(
        self,
        fn: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``fn(*args, **kwargs)`` in a thread and return what it returns.

        If the caller is cancelled, a call that has not begun is dropped; one that has begun
        is waited for, so that its files and buffers are not pulled away from under it.
        """
        return await self.run_interruptibly(None, fn, *args, **kwargs)

    async def run_interruptibly(
        self,
        interrupt: Callable[[], None] | None,
        fn: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like :meth:`run`; a cancelled caller first calls ``interrupt`` to make ``fn`` end.

        ``interrupt`` runs on the loop and must not block: it shuts a socket down, for one.
        """
        async with self._places:
            context = contextvars.copy_context()

            def call() -> T:
                return context.run(fn, *args, **kwargs)

            future = self._executor.submit(call)
            wrapped = asyncio.wrap_future(future)
            try:
                return await asyncio.shield(wrapped)
            except asyncio.CancelledError:
                # Nobody will ask any more how the call ended; that is no error to log.
                wrapped.add_done_callback(_seen)
                if not future.cancel():
                    if interrupt is not None:
                        interrupt()
                    await _ended(future)
                raise

    def close(self) -> None:
        """Drop what has not begun and let the threads go. Does not wait for them."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _seen(future: asyncio.Future[T]) -> None:
    if not future.cancelled():
        future.exception()


async def _ended(future: Future[T]) -> None:
    """Wait for a running call, however often the waiting job is cancelled meanwhile."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake(_: Future[T]) -> None:
        loop.call_soon_threadsafe(ended.set)

    future.add_done_callback(wake)
    while not ended.is_set():
        try:
            await ended.wait()
        except asyncio.CancelledError:
            # The first cancellation is on its way to the caller already; leaving earlier
            # would break the promise that the call has ended.
            continue
