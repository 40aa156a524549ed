"""Git LFS links that this node has handed out in the origin's place. Called by the mirror.

git-lfs downloads from wherever the batch answer points. In mirror mode that is made a path of ours;
the origin's signed link is remembered, for the requester who got it and as long as it is good.
"""

from __future__ import annotations

import json

from dfcore.lru import Lru
from dfdaemon.hub.routes import Repo
from dfinfra.clock import Clock

BATCH_TYPE = "application/vnd.git-lfs+json"
_MAX_LINKS = 50_000


class LfsLinks:
    """(credential, repository, oid) to the origin's link and the size of the object."""

    def __init__(self, clock: Clock, *, ttl_s: float) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._links: Lru[tuple[str, Repo, str], tuple[str, int, float]] = Lru()

    def put(self, credential: str, repo: Repo, oid: str, link: str, size_bytes: int) -> None:
        """Remember a link that the origin has just given to this requester."""
        key = (credential, repo, oid)
        self._links.put(key, (link, size_bytes, self._clock.monotonic()))
        for victim in self._links.victims(len(self._links) - _MAX_LINKS):
            self._links.pop(victim)

    def get(self, credential: str, repo: Repo, oid: str) -> tuple[str, int] | None:
        """The link and the size, if it was given lately."""
        known = self._links.get((credential, repo, oid))
        if known is None or self._clock.monotonic() - known[2] >= self._ttl_s:
            return None
        return known[0], known[1]


def batch_request(oid: str, size_bytes: int) -> bytes:
    """The body that asks for one object again."""
    request = {
        "operation": "download",
        "transfers": ["basic"],
        "objects": [{"oid": oid, "size": size_bytes}],
        "hash_algo": "sha256",
    }
    return json.dumps(request).encode()
