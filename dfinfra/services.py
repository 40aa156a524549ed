"""Small services made of functions, for the parts of a process that only open and close.

Used by composition roots, so that stores, pools and channels stand in the same ordered list as servers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Opening:
    """A service that opens something when it starts and closes it when it stops."""

    def __init__(
        self,
        name: str,
        open_: Callable[[], Awaitable[object]],
        close: Callable[[], Awaitable[object]],
    ) -> None:
        self.name = name
        self._open = open_
        self._close = close

    async def start(self) -> None:
        await self._open()

    async def stop(self) -> None:
        await self._close()


class Closing:
    """A service that is ready at once and has something to close when it stops."""

    def __init__(self, name: str, close: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._close = close

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        await self._close()
