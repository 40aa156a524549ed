"""Saying things on a stream to a scheduler, in a job that belongs to us.

gRPC reads an iterator of messages in a job of its own, which waits for ever if the stream ends before
it began, or while the iterator has nothing to say; the collector finds it and complains. Both
conversations with schedulers (``session``, ``held``) say their messages here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc

from dfinfra.pb import scheduler_pb2 as pb


async def say_all(call: Any, messages: AsyncGenerator[pb.AnnouncePeerRequest, None]) -> None:
    """Write the messages as they come, and say that there are no more.

    Ends early and without an error if the stream is over: whoever reads it hears why.
    """
    async with aclosing(messages):
        try:
            async for message in messages:
                await call.write(message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError):
            return


async def under_way(call: Any) -> None:
    """Wait until the call has left this host; to be awaited before the call is read.

    Who is cancelled while it reads a call that has not begun yet waits for ever: gRPC takes the
    cancellation for its own and goes on to a read that nothing ends.
    Raises grpc.aio.AioRpcError if the call has failed.
    """
    await call.wait_for_connection()
