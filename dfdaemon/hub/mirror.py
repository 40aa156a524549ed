"""Answers requests to the Hub: in ``HF_ENDPOINT`` mode, and for Hub hosts that the proxy sees.

A HEAD of a file is answered from its fact with 200 and no ``Location``, so that the client's GET
comes back to us; the GET becomes a task named by the file's digest. Metadata comes from
``HubMetadata``; everything else is passed on. The proxy's server carries the reply out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from dfcore.digest import Digest
from dfdaemon.hub import rewrite
from dfdaemon.hub.authorize import credential_of
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import FileFact, headers_of
from dfdaemon.hub.lfs import BATCH_TYPE, LfsLinks, batch_request
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.replies import Answer, Pass, Reply, Serve
from dfdaemon.hub.routes import Kind, Repo, Route, parse, resolve_path, xet_token_path
from dfdaemon.task.service import HubAnswer
from dfdaemon.task.spec import Headers, TaskSpec
from dfinfra.clock import Clock

_ASKED = (
    Kind.REPO,
    Kind.REVISION,
    Kind.TREE,
    Kind.PATHS_INFO,
    Kind.REFS,
    Kind.COMMITS,
    Kind.MANIFEST,
    Kind.WHOAMI,
    Kind.XET_TOKEN,
    Kind.API,
)
# Of a cached or buffered answer these are made anew.
_REMADE = ("connection", "content-length", "keep-alive", "transfer-encoding", "set-cookie", "date")


@dataclass(frozen=True, slots=True)
class HubRequest:
    """A request to the Hub as the proxy understood it.

    ``target`` is path and query. ``authority`` is what links of the Hub are to lead to
    (``http://127.0.0.1:65001``); empty when the client itself addresses the Hub, as through a proxy.
    ``read_body`` reads a small body, at most once.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    read_body: Callable[[], Awaitable[bytes]] = field(repr=False)
    authority: str = ""


class HubMirror:
    """Decides what is to be done with a Hub request."""

    def __init__(self, config: HubConfig, metadata: HubMetadata, clock: Clock) -> None:
        self._config = config
        self._metadata = metadata
        # A signed link of the Hub is good for an hour; the right is asked again much sooner.
        self._links = LfsLinks(clock, ttl_s=config.allow_ttl_s)

    async def handle(self, request: HubRequest) -> Reply:
        """The reply; raises a MeganeuraError if the Hub cannot be asked."""
        route = parse(request.target.partition("?")[0])
        if "Cookie" in request.headers:
            return self._pass(request)  # a person's browser: nothing of it is shared
        if route.kind is Kind.RESOLVE and request.method in ("GET", "HEAD"):
            return await self._file(request, route)
        asks = request.method == "GET" or (request.method, route.kind) == ("POST", Kind.PATHS_INFO)
        if route.kind in _ASKED and asks:
            return await self._ask(request)
        if route.kind is Kind.LFS_BATCH and request.method == "POST" and route.repo:
            return await self._lfs_batch(request, route.repo)
        if route.kind is Kind.LFS_OBJECT and request.method == "GET" and route.repo:
            return await self._lfs_object(request, route.repo, route.path or "")
        return self._pass(request)

    def _pass(self, request: HubRequest) -> Pass:
        return Pass(self._config.base + request.target)

    async def _file(self, request: HubRequest, route: Route) -> Reply:
        assert route.repo and route.revision and route.path
        found = await self._metadata.file(route.repo, route.revision, route.path, request.headers)
        if isinstance(found, HubAnswer):
            if request.method == "GET" and found.status >= 400:
                found = await self._metadata.refusal(
                    route.repo, route.revision, route.path, request.headers
                )
                if found.status < 400:
                    return self._pass(request)
            return self._answer(found, request)
        headers = [*headers_of(found), *self._xet_hints(found, route.repo, request)]
        if request.method == "HEAD":
            return Answer(200, headers, length=found.size_bytes)
        return Serve(self._spec(found, route, request), headers, etag=f'"{found.etag}"')

    def _spec(self, fact: FileFact, route: Route, request: HubRequest) -> TaskSpec:
        assert route.repo and route.path
        return TaskSpec(
            url=self._config.base + resolve_path(route.repo, fact.commit, route.path),
            request_headers=_origin_headers(request.headers),
            digest=fact.digest,
            size_bytes=fact.size_bytes,
            content=str(fact.digest) if fact.digest else None,
            restricted=not self._metadata.is_public(route.repo),
            validator=None if fact.digest else f'"{fact.etag}"',
        )

    def _xet_hints(self, fact: FileFact, repo: Repo, request: HubRequest) -> list[tuple[str, str]]:
        limit = self._config.keep_xet_above_bytes
        if fact.xet_hash is None or limit is None or fact.size_bytes < limit:
            return []
        base = request.authority or self._config.base
        route = base + xet_token_path(repo, fact.commit)
        return [("X-Xet-Hash", fact.xet_hash), ("X-Xet-Refresh-Route", route)]

    async def _ask(self, request: HubRequest) -> Answer:
        body = await request.read_body() if request.method == "POST" else b""
        answer = await self._metadata.ask(
            request.method, self._config.base + request.target, request.headers, body
        )
        return self._answer(answer, request)

    def _answer(self, answer: HubAnswer, request: HubRequest) -> Answer:
        pairs = [(k, v) for k, v in answer.headers if k.lower() not in _REMADE]
        pairs = rewrite.rewrite_headers(pairs, self._config.base, request.authority)
        body = answer.body
        if answer.status == 200:
            body = rewrite.strip_xet(body, self._config.keep_xet_above_bytes)
        return Answer(answer.status, pairs, body)

    async def _lfs_batch(self, request: HubRequest, repo: Repo) -> Answer:
        answer = await self._metadata.ask(
            "POST",
            self._config.base + request.target,
            request.headers,
            await request.read_body(),
        )
        if answer.status != 200:
            return self._answer(answer, request)
        body, links = rewrite.map_lfs_batch(
            answer.body, repo, request.authority, request.headers.get("Authorization")
        )
        credential = credential_of(request.headers)
        for oid, size_bytes, link in links:
            self._links.put(credential, repo, oid, link, size_bytes)
            self._metadata.learn_location(link, oid, size_bytes)
        pairs = [(k, v) for k, v in answer.headers if k.lower() not in _REMADE]
        return Answer(200, pairs, body)

    async def _lfs_object(self, request: HubRequest, repo: Repo, oid: str) -> Reply:
        """One object at a link of ours: granted by the batch that the requester got it from."""
        credential = credential_of(request.headers)
        known = self._links.get(credential, repo, oid)
        if known is None:
            size = (parse_qs(request.target.partition("?")[2]).get("size") or ["0"])[0]
            answer = await self._ask_link(request, repo, oid, int(size) if size.isdigit() else 0)
            if answer is not None:
                return answer
            known = self._links.get(credential, repo, oid)
        if known is None:
            return Answer(404, [("Content-Type", BATCH_TYPE)], b'{"message":"no such object"}')
        link, size_bytes = known
        digest = Digest("sha256", oid)
        return Serve(
            TaskSpec(
                url=link,
                digest=digest,
                size_bytes=size_bytes,
                content=str(digest),
                restricted=not self._metadata.is_public(repo),
            ),
            [("Content-Type", "application/octet-stream")],
            etag=f'"{oid}"',
        )

    async def _ask_link(
        self, request: HubRequest, repo: Repo, oid: str, size_bytes: int
    ) -> Answer | None:
        """Ask for the link once more; returns the origin's answer if that is a refusal."""
        url = f"{self._config.base}/{repo.prefix}{repo.id}.git/info/lfs/objects/batch"
        headers = {**request.headers, "Content-Type": BATCH_TYPE, "Accept": BATCH_TYPE}
        answer = await self._metadata.ask("POST", url, headers, batch_request(oid, size_bytes))
        if answer.status != 200:
            return self._answer(answer, request)
        credential = credential_of(request.headers)
        for found, size, link in rewrite.map_lfs_batch(answer.body, repo, "")[1]:
            self._links.put(credential, repo, found, link, size)
        return None


def _origin_headers(headers: Mapping[str, str]) -> Headers:
    """What of the requester's headers the origin needs to grant and count the download."""
    wanted = ("authorization", "user-agent")
    return Headers({k: v for k, v in headers.items() if k.lower() in wanted})
