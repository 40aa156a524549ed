"""The connections to parents that wait for their next use."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic

from dfdaemon.fetch.link import Link
from dfdaemon.fetch.requests import Address

Key = tuple[Address, bool]


class IdleLinks:
    """At most ``limit`` open links that carry nothing, the longest idle ones given up first.

    For the loop's thread only.
    """

    def __init__(self, limit: int, timeout_s: float) -> None:
        self._limit = limit
        self._timeout_s = timeout_s
        # In the order in which they became idle; a dict as an ordered set.
        self._links: OrderedDict[Link, Key] = OrderedDict()

    def take(self, addr: Address, *, tls: bool) -> Link | None:
        """The link to ``addr`` that was used last, if one is still alive."""
        self._expire()
        for link in reversed([each for each, key in self._links.items() if key == (addr, tls)]):
            del self._links[link]
            if link.alive:
                return link
            link.close()
        return None

    def put(self, link: Link) -> None:
        link.reused = True
        link.idle_since = monotonic()
        self._links[link] = (link.addr, link.tls)
        self._expire()

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._links.clear()

    def _expire(self) -> None:
        oldest = monotonic() - self._timeout_s
        while self._links:
            link = next(iter(self._links))
            if len(self._links) <= self._limit and link.idle_since > oldest:
                return
            del self._links[link]
            link.close()
