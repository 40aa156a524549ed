"""Puts the blocks of files that were written here together, so that the kernel can have them whole.

One thread, which leaves a file alone as soon as somebody reads it. Its priority is the normal one: it
holds the interpreter's lock at times, and others would wait for it.
"""

from __future__ import annotations

import threading
from collections import deque

from dffs.vfs.content import Content
from dfinfra.logs import get_logger

_log = get_logger("dffs")
#: More are not remembered: a file that was forgotten is put together when it is read.
_MOST_WAITING = 1024


class Assembler:
    """Newest files first: they are the likeliest to be opened next."""

    def __init__(self) -> None:
        self._waiting: deque[Content] = deque(maxlen=_MOST_WAITING)
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="dffs-assemble", daemon=True)
        self._thread.start()

    def add(self, content: Content) -> None:
        """Put it together soon."""
        with self._changed:
            self._waiting.append(content)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                content = self._waiting.pop()
            try:
                content.assemble(lambda: self._closing)
            except Exception as error:  # it is put together when it is read
                _log.info("file is not put together", reason=str(error))

    def close(self) -> None:
        """Stop at the next block."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
