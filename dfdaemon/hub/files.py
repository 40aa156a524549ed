"""One file of the Hub: what it is, for a requester who may read it. Half of ``metadata``.

A snapshot asks for many files at once, on many nodes. The first one settles the right to read for
all; after a few the whole listing is asked for; what is asked twice at the same time is asked once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from dfcore.errors import MeganeuraError
from dfdaemon.hub.authorize import ANONYMOUS, Authorizer, credential_of, may_be_read
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import FileFact, fact_from_answer, facts_from_entries, header
from dfdaemon.hub.knowledge import Knowledge
from dfdaemon.hub.rewrite import next_link
from dfdaemon.hub.routes import Repo, is_commit, parse, resolve_path, tree_path
from dfdaemon.task.service import HubAnswer
from dfinfra.flight import SingleFlight
from dfinfra.logs import get_logger

_log = get_logger("hub")

Found = FileFact | HubAnswer
Ask = Callable[[str, str, Mapping[str, str]], Awaitable[HubAnswer]]

_MAX_ROUNDS = 5
_MAX_HOPS = 3


@dataclass(frozen=True, slots=True)
class _Question:
    """A file that somebody asks for. ``target`` is the commit if it is known, else the name."""

    repo: Repo
    target: str
    path: str
    headers: Mapping[str, str]
    credential: str
    name: str


class Files:
    """Answers what a file is. ``ask_head`` goes to the Hub, ``ask`` may be served from a cache."""

    def __init__(
        self,
        config: HubConfig,
        authorizer: Authorizer,
        knowledge: Knowledge,
        *,
        ask_head: Ask,
        ask: Ask,
        lists: bool,
    ) -> None:
        self._config = config
        self._authorizer = authorizer
        self._knowledge = knowledge
        self._ask_head = ask_head
        self._ask = ask
        self._lists = lists
        self._heads: SingleFlight[tuple[object, ...], Found] = SingleFlight("hub head")
        self._listings: SingleFlight[tuple[object, ...], None] = SingleFlight("hub listing")

    async def find(
        self, repo: Repo, revision: str, path: str, headers: Mapping[str, str]
    ) -> FileFact | HubAnswer:
        """The fact of a file, or the answer that this requester gets instead of it.

        Returning a fact means that the requester may read the file now.
        """
        for _ in range(_MAX_ROUNDS):
            commit = self._commit(repo, revision)
            question = _Question(
                repo, commit or revision, path, headers, credential_of(headers), revision
            )
            known = self._known(question)
            if known is not None:
                return known
            found = await self._find_out(question)
            if found is not None:
                return found
        return await self._head(question)

    def _commit(self, repo: Repo, revision: str, *, stale: bool = False) -> str | None:
        if is_commit(revision):
            return revision
        return self._knowledge.commit_of(repo, revision, stale=stale)

    def _known(self, question: _Question) -> Found | None:
        may = self._authorizer.may_read(question.credential, question.repo, question.target)
        if isinstance(may, HubAnswer):
            return may
        if not may:
            return None
        return self._knowledge.file(question.repo, question.target, question.path)

    def _known_before(self, question: _Question) -> Found | None:
        """What was true when the Hub was last reached, if everybody was allowed to know it."""
        commit = self._commit(question.repo, question.name, stale=True)
        if commit is None or not self._authorizer.was_public(question.repo):
            return None
        return self._knowledge.file(question.repo, commit, question.path)

    async def _find_out(self, question: _Question) -> Found | None:
        """Ask the Hub for what is missing. None means: look again at what is known."""
        repo, target = question.repo, question.target
        if self._authorizer.may_read(question.credential, repo, target) is None:
            return await self._settle_right(question)
        if self._lists and is_commit(target) and not self._knowledge.listed(repo, target):
            missed = self._knowledge.count_miss(repo, target, question.path)
            if missed >= self._config.list_after:
                await self._listings.run((repo, target), lambda: self._list(question))
                return None
        key = (repo, target, question.credential, question.path)
        return await self._heads.run(key, lambda: self._head(question))

    async def _settle_right(self, question: _Question) -> Found | None:
        """The answer to one file settles the right for the repository; the others wait for it."""
        led = False

        async def lead() -> Found:
            nonlocal led
            led = True
            return await self._head(question)

        key = (question.repo, question.target, question.credential)
        found = await self._heads.run(key, lead)
        if led or (isinstance(found, HubAnswer) and is_trouble(found)):
            return found
        return None

    async def _head(self, question: _Question) -> Found:
        """Ask the Hub, and tell what was known before if it is away or refuses by rate."""
        try:
            found = await self._ask_anew(question)
        except MeganeuraError as error:
            before = self._known_before(question) if error.retryable else None
            if before is None:
                raise
            return before
        if isinstance(found, HubAnswer) and is_trouble(found):
            return self._known_before(question) or found
        return found

    async def _ask_anew(self, question: _Question) -> Found:
        repo, credential = question.repo, question.credential
        if credential and self._authorizer.publicness(repo) is None:
            # Without the credential first: if that works the answer is everybody's, and costs no
            # request more than with it.
            bare = {k: v for k, v in question.headers.items() if k.lower() != "authorization"}
            answer = await self._chase(question, bare)
            readable = may_be_read(answer)
            if readable is not None:
                self._authorizer.note_publicness(repo, readable, _age_s(answer))
            if readable:
                return self._take(replace(question, credential=ANONYMOUS), answer)
        answer = await self._chase(question, question.headers)
        readable = may_be_read(answer)
        if not credential and readable is not None:
            self._authorizer.note_publicness(repo, readable, _age_s(answer))
        return self._take(question, answer)

    async def _chase(self, question: _Question, headers: Mapping[str, str]) -> HubAnswer:
        """HEAD, following the Hub's redirects to itself that only move the same file."""
        target = resolve_path(question.repo, question.target, question.path)
        answer = await self._ask_head("HEAD", self._config.base + target, headers)
        commit = header(answer.headers, "x-repo-commit")
        for _ in range(_MAX_HOPS):
            if fact_from_answer(answer.status, answer.headers):
                break
            target = self._own_target(header(answer.headers, "location") or "")
            route = parse(target.partition("?")[0])
            if not 300 <= answer.status < 400 or route.repo != question.repo:
                break  # a renamed repository is the client's to follow
            commit = commit or (route.revision if route.immutable else None)
            answer = await self._ask_head("HEAD", self._config.base + target, headers)
        if commit and header(answer.headers, "x-repo-commit") is None:
            answer = replace(answer, headers=[*answer.headers, ("X-Repo-Commit", commit)])
        return answer

    def _own_target(self, location: str) -> str:
        """Path and query of a redirect that stays on the endpoint, else nothing."""
        if location.startswith(f"{self._config.base}/"):
            return location[len(self._config.base) :]
        return location if location.startswith("/") and not location.startswith("//") else ""

    def _take(self, question: _Question, answer: HubAnswer) -> Found:
        """Keep what an answer says, and make it what the requester gets."""
        repo, age_s = question.repo, _age_s(answer)
        readable = may_be_read(answer)
        if readable is False:
            self._authorizer.note(question.credential, repo, question.target, answer)
            return answer
        fact = fact_from_answer(answer.status, answer.headers)
        commit = fact.commit if fact else header(answer.headers, "x-repo-commit")
        if readable:
            for revision in {question.target, question.name, commit or question.target}:
                self._authorizer.note(question.credential, repo, revision, age_s=age_s)
        if not readable or commit is None:
            return answer
        if not is_commit(question.name):
            self._knowledge.name_commit(repo, question.name, commit, age_s)
        if fact is None:
            self._knowledge.learn(repo, commit, question.path, answer)
            return answer
        if fact.location and fact.digest and urlsplit(fact.location).netloc:
            self._knowledge.learn_location(fact.location, fact.digest, fact.size_bytes)
        fact = replace(fact, location=None)  # signed, and of no more use
        self._knowledge.learn(repo, commit, question.path, fact)
        return fact

    async def _list(self, question: _Question) -> None:
        """Learn all files of the commit; whatever comes of it, it is not asked again."""
        repo, commit = question.repo, question.target
        url: str | None = self._config.base + tree_path(repo, commit)
        try:
            for _ in range(self._config.max_list_pages):
                answer = await self._ask("GET", url or "", question.headers)
                url = next_link(answer.headers)
                if answer.status != 200 or not url or not url.startswith(f"{self._config.base}/"):
                    break
        except MeganeuraError as error:
            _log.info("listing not to be had", repo=repo.id, error=str(error))
        finally:
            self._knowledge.mark_listed(repo, commit)


def learn_listing(knowledge: Knowledge, repo: Repo, commit: str, body: bytes) -> None:
    """Keep the facts of a tree or paths-info answer."""
    try:
        entries = json.loads(body)
    except ValueError:
        return
    knowledge.learn_all(repo, commit, facts_from_entries(commit, entries))


def is_trouble(answer: HubAnswer) -> bool:
    """An answer about the Hub's state instead of about what was asked."""
    return answer.status == 429 or answer.status >= 500


def _age_s(answer: HubAnswer) -> float:
    value = header(answer.headers, "age") or "0"
    return float(value) if value.isdigit() else 0.0
