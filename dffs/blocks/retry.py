"""Trying again: how often, how long apart, and what is said about it in the log.

Used for every call on the object store. A stop ends the waiting at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from dfcore.backoff import Backoff
from dfcore.errors import MeganeuraError, NoSpace, Unavailable
from dfcore.tokenbucket import TokenBucket
from dfinfra.logs import get_logger

T = TypeVar("T")
_log = get_logger("dffs")
_QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`tries` in all for what may pass by itself, `full_tries` for a store that is full."""

    tries: int = 10
    full_tries: int = 4
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=0.1, cap_s=10.0))


class Retrier:
    """Calls until it works, it cannot work, or the tries are used up. Thread-safe."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._random = random.Random()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._said = -_QUIET_S
        self._unsaid = 0

    def close(self) -> None:
        """Nobody waits for another try any more."""
        self._closing.set()

    def run(self, what: str, call: Callable[[], T]) -> T:
        """What `call` returns; its last error if it never works."""
        attempt = 0
        while True:
            try:
                return call()
            except MeganeuraError as error:
                attempt += 1
                full = isinstance(error, NoSpace)
                tries = self._policy.full_tries if full else self._policy.tries
                if not (full or error.retryable) or attempt >= tries or self._closing.is_set():
                    _log.error("object store failed", call=what, tries=attempt, reason=str(error))
                    raise
                self._say(what, attempt, error)
                asked = error.retry_after_s if isinstance(error, Unavailable) else None
                self._closing.wait(self._policy.backoff.delay_s(attempt - 1, self._random, asked))

    def _say(self, what: str, attempt: int, error: MeganeuraError) -> None:
        """One line a second: when a store is away, every call says the same."""
        now = time.monotonic()
        with self._lock:
            if now - self._said < _QUIET_S:
                self._unsaid += 1
                return
            self._said, unsaid, self._unsaid = now, self._unsaid, 0
        _log.warning(
            "object store: again", call=what, tries=attempt, reason=str(error), others=unsaid
        )


class Throttle:
    """Holds callers back so that they pass at most so many bytes a second; 0 is no limit."""

    def __init__(self, rate_bytes_s: int = 0) -> None:
        self._lock = threading.Lock()
        self._bucket: TokenBucket | None = None
        self.set_rate(rate_bytes_s)

    def set_rate(self, rate_bytes_s: int) -> None:
        """Change the limit."""
        with self._lock:
            if not rate_bytes_s:
                self._bucket = None
            elif self._bucket is None:
                self._bucket = TokenBucket(rate_bytes_s, rate_bytes_s / 4, time.monotonic())
            else:
                self._bucket.set_rate(rate_bytes_s, rate_bytes_s / 4, time.monotonic())

    def pass_through(self, size_bytes: int) -> None:
        """Return when these bytes may go."""
        with self._lock:
            if self._bucket is None:
                return
            wait_s = self._bucket.take(size_bytes, time.monotonic())
        if wait_s > 0:
            time.sleep(wait_s)
