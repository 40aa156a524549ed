"""The Hub's metadata, asked once for the cluster: on a node through the seed, on a seed at the Hub.

The same class runs on both, one behind the other, each a ``HubGateway`` for what is above it.
Answers addressed by a commit are kept for long, those of a branch or tag for seconds and then
revalidated; who may see what is decided by what the Hub answered lately (``authorize``). While the
Hub is away or refuses by rate, what is known of public repositories is told on.

Concurrency: everything between two awaits is one step; work shared by several requesters runs in
a SingleFlight, and each requester looks again at what is known afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from dfcore.digest import Digest
from dfcore.errors import BadInput, MeganeuraError
from dfcore.hosts import is_one_of
from dfdaemon.hub.answers import EVERYBODY, AnswerCache, Kept, Key
from dfdaemon.hub.authorize import ANONYMOUS, Authorizer, credential_of
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import FileFact, header, headers_of
from dfdaemon.hub.files import Files, is_trouble, learn_listing
from dfdaemon.hub.knowledge import Knowledge
from dfdaemon.hub.rewrite import next_link
from dfdaemon.hub.routes import Kind, Repo, Route, is_commit, parse, resolve_path
from dfdaemon.task.service import HubAnswer, HubGateway
from dfinfra.clock import Clock
from dfinfra.flight import SingleFlight

_CACHED_GETS = (Kind.REPO, Kind.REVISION, Kind.TREE, Kind.REFS, Kind.COMMITS, Kind.MANIFEST)
_FIRST_BYTE = {"Range": "bytes=0-0"}
# What decides the answer of a metadata request. Everything else of a client's request stays here.
_ASKED_WITH = ("authorization", "user-agent", "content-type", "accept")


class HubMetadata:
    """Implements HubGateway; ``file`` is a HEAD of one file, as a fact instead of an answer.

    ``lists`` is for the one that faces the Hub: after a few files of a commit it asks for the
    listing of all, so that a snapshot costs one request instead of one for each file.
    """

    def __init__(
        self, config: HubConfig, inner: HubGateway, clock: Clock, *, lists: bool = False
    ) -> None:
        self._config = config
        self._inner = inner
        self.authorizer = Authorizer(
            clock,
            allow_ttl_s=config.allow_ttl_s,
            refuse_ttl_s=config.refuse_ttl_s,
            stale_s=config.stale_if_error_s,
        )
        self.knowledge = Knowledge(
            clock,
            name_ttl_s=config.ref_ttl_s,
            stale_s=config.stale_if_error_s,
            size_bytes=config.facts_size_bytes,
        )
        self._answers = AnswerCache(clock, config.answers_size_bytes)
        self._asks: SingleFlight[tuple[object, ...], HubAnswer] = SingleFlight("hub ask")
        self._files = Files(
            config,
            self.authorizer,
            self.knowledge,
            ask_head=inner.ask,
            ask=self.ask,
            lists=lists,
        )

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HubAnswer:
        """The Hub's answer, from what is known if it may be told to this requester."""
        base = self._config.base
        if not url.startswith(f"{base}/"):
            return await self._ask_storage(method, url, headers, body)
        target = url[len(base) :]
        route = parse(target.partition("?")[0])
        asked = {k: v for k, v in headers.items() if k.lower() in _ASKED_WITH}
        if route.kind is Kind.RESOLVE and method == "HEAD":
            return await self._ask_file(route, asked)
        if route.kind is Kind.RESOLVE and method == "GET":
            # Nobody asks for a whole file here: it is the body of a refusal that is wanted.
            return await self._ask_cached((method, target, b""), route, asked | _FIRST_BYTE)
        cached = method == "GET" and route.kind in _CACHED_GETS
        if cached or (method == "POST" and route.kind is Kind.PATHS_INFO):
            return await self._ask_cached((method, target, body), route, asked)
        return await self._inner.ask(method, url, headers, body)

    async def file(
        self, repo: Repo, revision: str, path: str, headers: Mapping[str, str]
    ) -> FileFact | HubAnswer:
        """The fact of a file, or the answer that this requester gets instead of it.

        Returning a fact means that the requester may read the file now.
        """
        asked = {k: v for k, v in headers.items() if k.lower() in _ASKED_WITH}
        return await self._files.find(repo, revision, path, asked)

    async def refusal(
        self, repo: Repo, revision: str, path: str, headers: Mapping[str, str]
    ) -> HubAnswer:
        """The Hub's answer to a GET of a file that it refuses, with the body that HEADs lack.

        Should it be granted by now, one byte is what comes.
        """
        return await self.ask(
            "GET", self._config.base + resolve_path(repo, revision, path), headers
        )

    def is_public(self, repo: Repo) -> bool:
        """Anybody may read the repository; restricted otherwise, also while it is not known."""
        return self.authorizer.was_public(repo)

    def learn_location(self, link: str, sha256: str, size_bytes: int) -> None:
        """The Hub gave this storage link for content of this digest."""
        try:
            digest = Digest("sha256", sha256)
        except BadInput:
            return
        self.knowledge.learn_location(link, digest, size_bytes)

    async def _ask_file(self, route: Route, asked: Mapping[str, str]) -> HubAnswer:
        assert route.repo and route.revision and route.path
        found = await self._files.find(route.repo, route.revision, route.path, asked)
        if isinstance(found, HubAnswer):
            return found
        pairs = [*headers_of(found), ("Content-Length", str(found.size_bytes))]
        if found.xet_hash:
            pairs.append(("X-Xet-Hash", found.xet_hash))
        credential = credential_of(asked)
        age_s = self.authorizer.age_s(credential, route.repo, found.commit)
        if not route.immutable:
            age_s = max(age_s, self.knowledge.name_age_s(route.repo, route.revision))
        # So that the cache below keeps neither the right nor the name longer than this one does.
        pairs.append(("Age", str(int(age_s))))
        return HubAnswer(200, pairs, b"")

    async def _ask_storage(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> HubAnswer:
        """A request elsewhere; what the Hub said before about that place is added."""
        answer = await self._inner.ask(method, url, headers, body)
        parts = urlsplit(url)
        is_cdn = is_one_of(parts.netloc.lower(), self._config.cdn_hosts)
        known = self.knowledge.digest_at(parts.path) if is_cdn else None
        if known is None or answer.status >= 400 or header(answer.headers, "x-linked-etag"):
            return answer
        digest, size_bytes = known
        pairs = [("X-Linked-Etag", f'"{digest.value}"'), ("X-Linked-Size", str(size_bytes))]
        return replace(answer, headers=[*answer.headers, *pairs])

    async def _ask_cached(self, key: Key, route: Route, asked: Mapping[str, str]) -> HubAnswer:
        credential = credential_of(asked)
        kept = self._find(key, route, credential)
        if kept is not None and self._is_fresh(kept, route, credential):
            return self._answers.told(kept)
        return await self._asks.run(
            (key, credential), lambda: self._refresh(key, route, asked, credential, kept)
        )

    def _find(self, key: Key, route: Route, credential: str) -> Kept | None:
        scopes = [credential]
        if route.repo and self.authorizer.was_public(route.repo):
            scopes.append(EVERYBODY)
        kept = self._answers.find(key, tuple(scopes))
        open_to_all = self._answers.find(key, (ANONYMOUS,)) if credential else None
        if open_to_all is None or open_to_all.answer.status != 200:
            return kept
        # What the Hub tells somebody it does not know, it tells everybody.
        return open_to_all if kept is None or kept.made_at < open_to_all.made_at else kept

    def _is_fresh(self, kept: Kept, route: Route, credential: str) -> bool:
        config, status = self._config, kept.answer.status
        if status in (401, 403):
            ttl_s = config.refuse_ttl_s
        elif status == 404:
            ttl_s = config.negative_ttl_s
        else:
            ttl_s = config.immutable_ttl_s if route.immutable else config.ref_ttl_s
            if credential and not (route.repo and self.authorizer.publicness(route.repo)):
                ttl_s = min(ttl_s, config.allow_ttl_s)
        return self._answers.age_s(kept) < ttl_s

    async def _refresh(
        self,
        key: Key,
        route: Route,
        asked: Mapping[str, str],
        credential: str,
        kept: Kept | None,
    ) -> HubAnswer:
        method, target, body = key
        headers = dict(asked)
        usable = kept if kept is not None and kept.answer.status == 200 else None
        if usable is not None and usable.etag:
            headers["If-None-Match"] = usable.etag
        try:
            answer = await self._inner.ask(method, self._config.base + target, headers, body)
        except MeganeuraError as error:
            if error.retryable and usable is not None and self._may_be_stale(usable, route):
                return self._answers.told(usable)
            raise
        if is_trouble(answer):
            if usable is not None and self._may_be_stale(usable, route):
                return self._answers.told(usable)
            return answer
        if answer.status == 304 and usable is not None:
            answer = replace(usable.answer, headers=_renewed(usable, answer))
        return self._keep(key, route, credential, answer)

    def _may_be_stale(self, kept: Kept, route: Route) -> bool:
        public = route.repo is not None and self.authorizer.was_public(route.repo)
        return public and self._answers.age_s(kept) < self._config.stale_if_error_s

    def _keep(self, key: Key, route: Route, credential: str, answer: HubAnswer) -> HubAnswer:
        refused = answer.status in (401, 403, 404)
        if not refused and (answer.status != 200 or route.kind is Kind.RESOLVE):
            return answer
        public = route.repo is not None and self.authorizer.publicness(route.repo)
        scope = EVERYBODY if public and answer.status == 200 else credential
        kept = self._answers.put(key, scope, answer)
        if answer.status == 200 and route.repo is not None:
            self._learn(key[1], route, route.repo, answer, self._answers.age_s(kept))
        return self._answers.told(kept)

    def _learn(
        self, target: str, route: Route, repo: Repo, answer: HubAnswer, age_s: float
    ) -> None:
        revision = route.revision or "main"
        if route.kind in (Kind.REVISION, Kind.REPO) and not is_commit(revision):
            commit = _sha_of(answer.body)
            if commit is not None:
                self.knowledge.name_commit(repo, revision, commit, age_s)
        elif route.kind in (Kind.TREE, Kind.PATHS_INFO) and is_commit(revision):
            learn_listing(self.knowledge, repo, revision, answer.body)
            whole = (
                route.kind is Kind.TREE and not route.path and "recursive=true" in target.lower()
            )
            if whole and next_link(answer.headers) is None:
                self.knowledge.mark_listed(repo, revision)


def _renewed(kept: Kept, answer: HubAnswer) -> list[tuple[str, str]]:
    # The Age of the 304, if any, is the age of the renewed answer.
    age = header(answer.headers, "age")
    return [*kept.answer.headers, *([("Age", age)] if age else [])]


def _sha_of(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    sha = document.get("sha") if isinstance(document, dict) else None
    return sha if isinstance(sha, str) and is_commit(sha) else None
