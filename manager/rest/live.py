"""Live news for browsers: Server-Sent Events that come when something changed.

A handler ends with ``return await stream(call, ("jobs",), render)``; ``render`` gives the body of
one event, and is called at once and after each change of the topics (at most twice a second).
``EventSource`` in the browser connects anew by itself, so there is nothing to remember here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from manager.rest.routes import Call

QUIET_S = 20.0
"""A comment is sent after this long without news, so that proxies keep the connection."""
SHORTEST_S = 0.5


async def stream(
    call: Call,
    topics: Sequence[str],
    render: Callable[[], Awaitable[str]],
    *,
    event: str = "change",
    every_s: float | None = None,
) -> web.StreamResponse:
    """Send what ``render`` gives, again whenever a topic changes or ``every_s`` is over."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(call.request)
    changes, last = call.core.changes, ""
    while True:
        seen = {topic: changes.revision(topic) for topic in topics}
        text = await render()
        if text != last:
            last = text
            await response.write(_event(event, text))
        else:
            await response.write(b": quiet\n\n")
        await asyncio.sleep(SHORTEST_S)
        await changes.wait_any(seen, every_s or QUIET_S)


def _event(name: str, text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()
