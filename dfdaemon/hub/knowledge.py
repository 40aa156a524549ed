"""What is known of the Hub's files: which commit a name means, and the facts of each file.

Filled by ``metadata`` from the Hub's own answers. It knows nothing of rights: whoever reads it has
checked them. Facts of a commit never change, so only room and the age of names limit it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar
from urllib.parse import urlsplit

from dfcore.digest import Digest
from dfcore.lru import Lru
from dfdaemon.hub.facts import FileFact
from dfdaemon.hub.routes import Repo
from dfdaemon.task.service import HubAnswer
from dfinfra.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_NAMES = 20_000
_MAX_COUNTED = 1_000


class Knowledge:
    """Names (branches, tags) to commits, files to facts, storage paths to digests."""

    def __init__(self, clock: Clock, *, name_ttl_s: float, stale_s: float, size_bytes: int) -> None:
        self._clock = clock
        self._name_ttl_s = name_ttl_s
        self._stale_s = stale_s
        self._size_bytes = size_bytes
        self._names: Lru[tuple[Repo, str], tuple[str, float]] = Lru()
        self._facts: Lru[tuple[Repo, str, str], FileFact | HubAnswer] = Lru()
        self._missed: Lru[tuple[Repo, str], set[str]] = Lru()
        self._listed: Lru[tuple[Repo, str], bool] = Lru()
        self._stored: Lru[str, tuple[Digest, int]] = Lru()

    def commit_of(self, repo: Repo, name: str, *, stale: bool = False) -> str | None:
        """The commit a name meant lately; with ``stale``, when the Hub was last reached."""
        known = self._names.get((repo, name))
        ttl_s = self._stale_s if stale else self._name_ttl_s
        if known is None or self._clock.monotonic() - known[1] >= ttl_s:
            return None
        return known[0]

    def name_age_s(self, repo: Repo, name: str) -> float:
        """How long ago the Hub said what the name means; 0 if it is not known."""
        known = self._names.peek((repo, name))
        return self._clock.monotonic() - known[1] if known else 0.0

    def name_commit(self, repo: Repo, name: str, commit: str, age_s: float = 0.0) -> None:
        """The Hub said, ``age_s`` ago, that the name means this commit."""
        said_at = self._clock.monotonic() - age_s
        known = self._names.get((repo, name))
        if known is None or known[1] <= said_at:
            self._names.put((repo, name), (commit, said_at))
        _shrink(self._names, _MAX_NAMES)

    def file(self, repo: Repo, commit: str, path: str) -> FileFact | HubAnswer | None:
        """The fact, or the Hub's answer that the commit has no such file."""
        return self._facts.get((repo, commit, path))

    def learn(self, repo: Repo, commit: str, path: str, known: FileFact | HubAnswer) -> None:
        """Keep the fact of a file; one from a HEAD replaces one from a listing."""
        self._facts.put((repo, commit, path), known, _size_of(known))
        for victim in self._facts.victims(self._facts.total_size - self._size_bytes):
            self._facts.pop(victim)

    def learn_all(self, repo: Repo, commit: str, facts: Iterable[tuple[str, FileFact]]) -> None:
        """Keep the facts of a listing."""
        for path, fact in facts:
            if (repo, commit, path) not in self._facts:
                self.learn(repo, commit, path, fact)

    def count_miss(self, repo: Repo, commit: str, path: str) -> int:
        """How many different files of the commit have been asked for and were not known."""
        paths = self._missed.get((repo, commit))
        if paths is None:
            paths = set()
            self._missed.put((repo, commit), paths)
            _shrink(self._missed, _MAX_NAMES)
        if len(paths) < _MAX_COUNTED:
            paths.add(path)
        return len(paths)

    def listed(self, repo: Repo, commit: str) -> bool:
        """The listing of the commit was asked for: what it did not tell it will not tell."""
        return (repo, commit) in self._listed

    def mark_listed(self, repo: Repo, commit: str) -> None:
        """Remember that the listing was asked for."""
        self._listed.put((repo, commit), True)
        _shrink(self._listed, _MAX_NAMES)

    def learn_location(self, location: str, digest: Digest, size_bytes: int) -> None:
        """The Hub sent somebody to this storage URL for content of this digest."""
        self._stored.put(urlsplit(location).path, (digest, size_bytes))
        _shrink(self._stored, _MAX_NAMES)

    def digest_at(self, storage_path: str) -> tuple[Digest, int] | None:
        """Digest and size of what lies at a path of the CDNs, whichever host and signature."""
        return self._stored.get(storage_path)


def _size_of(known: FileFact | HubAnswer) -> int:
    """Bytes of memory that a fact takes, with its key and the map around it; roughly measured."""
    headers = sum(len(name) + len(value) + 150 for name, value in known.headers)
    return 700 + headers + (len(known.body) if isinstance(known, HubAnswer) else 0)


def _shrink(lru: Lru[K, V], limit: int) -> None:
    if len(lru) > limit:
        for victim in lru.victims(len(lru) - limit):
            lru.pop(victim)
