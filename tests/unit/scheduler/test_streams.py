"""The bounded outbox of a stream."""

from __future__ import annotations

import pytest

from dfinfra.pb import common_pb2, scheduler_pb2
from scheduler.streams import Stream, StreamEnded

MESSAGE = scheduler_pb2.AnnouncePeerResponse()


async def test_what_is_queued_goes_out_before_the_end() -> None:
    stream = Stream(4)
    stream.say(MESSAGE)
    stream.end()
    assert [message async for message in stream.messages()] == [MESSAGE]


async def test_a_peer_that_does_not_read_loses_its_stream() -> None:
    stream = Stream(2)
    assert [stream.say(MESSAGE) for _ in range(3)] == [True, True, False]
    with pytest.raises(StreamEnded) as caught:
        async for _ in stream.messages():
            pass
    assert caught.value.end.code == "RESOURCE_EXHAUSTED"


async def test_the_first_end_counts() -> None:
    stream = Stream(2)
    stream.end("NOT_FOUND", "first")
    stream.end()
    with pytest.raises(StreamEnded, match="first"):
        async for _ in stream.messages():
            pass


def test_an_answer_forgets_what_a_seed_might_have_been_told() -> None:
    stream = Stream(2)
    stream.download = common_pb2.Download(url="https://example.com/?sig=x")
    stream.say(MESSAGE)
    assert stream.download is None
