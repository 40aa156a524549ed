"""Who may read which repository, as the Hub answered lately (design, section 4).

A requester's own credential is tried against the Hub once per (credential, repository, revision)
and the answer kept for a short time; that a repository is public is learnt for all requesters.
Nothing is asked here: ``metadata`` notes what the Hub said to requests that it made anyway, so that
a right costs no request of its own. Credentials are known by a keyed hash alone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from dfcore.lru import Lru
from dfdaemon.hub.facts import fact_from_answer, header
from dfdaemon.hub.routes import Repo
from dfdaemon.task.service import HubAnswer
from dfinfra.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ANONYMOUS = ""
_KEY = secrets.token_bytes(32)
_MAX_DECISIONS = 50_000


def credential_of(headers: Mapping[str, str]) -> str:
    """Names a requester without telling its credentials; ANONYMOUS if it sent none."""
    shown = [
        f"{name.lower()}={value}"
        for name, value in headers.items()
        if name.lower() in ("authorization", "cookie")
    ]
    return secret_name("\n".join(sorted(shown))) if shown else ANONYMOUS


def secret_name(text: str) -> str:
    """A name for a secret that means nothing outside this process."""
    return hmac.new(_KEY, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def may_be_read(answer: HubAnswer) -> bool | None:
    """What an answer for a file says about the right to read the repository; None if nothing.

    The Hub checks the repository and its gate before the revision and the path, so their absence
    is told only to those who may read.
    """
    if answer.status < 400:
        # A redirect that states no fact (a renamed repository) is no answer about this one.
        return True if fact_from_answer(answer.status, answer.headers) else None
    code = header(answer.headers, "x-error-code")
    if answer.status == 404 and code in ("EntryNotFound", "RevisionNotFound"):
        return True
    if answer.status in (401, 403) or (answer.status == 404 and code == "RepoNotFound"):
        return False
    return None


@dataclass(frozen=True, slots=True)
class _Decision:
    refusal: HubAnswer | None
    decided_at: float


class Authorizer:
    """Decisions of the Hub, each for its time. Not shared between threads."""

    def __init__(
        self, clock: Clock, *, allow_ttl_s: float, refuse_ttl_s: float, stale_s: float = 0.0
    ) -> None:
        self._clock = clock
        self._allow_ttl_s = allow_ttl_s
        self._refuse_ttl_s = refuse_ttl_s
        self._stale_s = stale_s
        self._public: Lru[Repo, tuple[bool, float]] = Lru()
        self._decisions: Lru[tuple[str, Repo, str], _Decision] = Lru()

    def publicness(self, repo: Repo) -> bool | None:
        """Whether anybody may read the repository; None if that is to be asked (again)."""
        return self._publicness(repo, self._allow_ttl_s)

    def was_public(self, repo: Repo) -> bool:
        """It was public when the Hub was last reached, not too long ago."""
        return self._publicness(repo, max(self._stale_s, self._allow_ttl_s)) is True

    def note_publicness(self, repo: Repo, public: bool, age_s: float = 0.0) -> None:
        """The Hub, ``age_s`` ago, answered an anonymous request for a file of it."""
        _put(self._public, repo, (public, self._clock.monotonic() - age_s))

    def may_read(self, credential: str, repo: Repo, revision: str) -> bool | HubAnswer | None:
        """True, the Hub's refusal, or None if it must be asked."""
        if self.publicness(repo):
            return True
        decision = self._decisions.get((credential, repo, revision))
        if decision is None:
            return None
        age_s = self._clock.monotonic() - decision.decided_at
        if decision.refusal is None:
            return True if age_s < self._allow_ttl_s else None
        return decision.refusal if age_s < self._refuse_ttl_s else None

    def note(
        self,
        credential: str,
        repo: Repo,
        revision: str,
        refusal: HubAnswer | None = None,
        age_s: float = 0.0,
    ) -> None:
        """The Hub, ``age_s`` ago, let this requester read the revision, or refused like this."""
        decision = _Decision(refusal, self._clock.monotonic() - age_s)
        _put(self._decisions, (credential, repo, revision), decision)

    def age_s(self, credential: str, repo: Repo, revision: str) -> float:
        """How long ago the Hub decided what ``may_read`` says."""
        if self.publicness(repo):
            decided_at = (self._public.peek(repo) or (True, 0.0))[1]
        else:
            decision = self._decisions.peek((credential, repo, revision))
            decided_at = decision.decided_at if decision else self._clock.monotonic()
        return self._clock.monotonic() - decided_at

    def _publicness(self, repo: Repo, ttl_s: float) -> bool | None:
        known = self._public.get(repo)
        if known is None or self._clock.monotonic() - known[1] >= ttl_s:
            return None
        return known[0]


def _put(lru: Lru[K, V], key: K, value: V) -> None:
    lru.put(key, value)
    for victim in lru.victims(len(lru) - _MAX_DECISIONS):
        lru.pop(victim)
