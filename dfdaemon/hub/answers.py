"""The Hub's answers to metadata requests, bounded by their bytes, each for those who may see it.

Owned by ``metadata``, which decides what is fresh. A *scope* says for whom an answer was made:
one requester's credential, or everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dfcore.lru import Lru
from dfdaemon.hub.facts import header
from dfdaemon.task.service import HubAnswer
from dfinfra.clock import Clock

EVERYBODY = "*"
Key = tuple[str, str, bytes]
# What an entry costs beside its body: the objects around it, roughly measured.
_ENTRY_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and when it was made, by the monotonic clock."""

    answer: HubAnswer
    made_at: float

    @property
    def etag(self) -> str | None:
        return header(self.answer.headers, "etag")


class AnswerCache:
    """Least recently used answers go first. Not shared between threads."""

    def __init__(self, clock: Clock, size_bytes: int) -> None:
        self._clock = clock
        self._size_bytes = size_bytes
        self._kept: Lru[tuple[Key, str], Kept] = Lru()

    def find(self, key: Key, scopes: tuple[str, ...]) -> Kept | None:
        """The youngest answer of these scopes, fresh or not."""
        found = [kept for scope in scopes if (kept := self._kept.get((key, scope)))]
        return max(found, key=lambda kept: kept.made_at, default=None)

    def age_s(self, kept: Kept) -> float:
        """Seconds since the Hub made the answer."""
        return self._clock.monotonic() - kept.made_at

    def put(self, key: Key, scope: str, answer: HubAnswer) -> Kept:
        """Keep an answer. An ``Age`` that another cache put on it counts."""
        age = header(answer.headers, "age") or "0"
        made_at = self._clock.monotonic() - (int(age) if age.isdigit() else 0)
        pairs = [(k, v) for k, v in answer.headers if k.lower() not in ("age", "set-cookie")]
        kept = Kept(replace(answer, headers=pairs), made_at)
        self._kept.put((key, scope), kept, len(answer.body) + _ENTRY_BYTES)
        for victim in self._kept.victims(self._kept.total_size - self._size_bytes):
            self._kept.pop(victim)
        return kept

    def told(self, kept: Kept) -> HubAnswer:
        """The answer with its ``Age``, so that a cache below does not keep it longer than we do."""
        age_s = int(self.age_s(kept))
        if age_s <= 0:
            return kept.answer
        return replace(kept.answer, headers=[*kept.answer.headers, ("Age", str(age_s))])
