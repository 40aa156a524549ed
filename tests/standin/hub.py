"""The Hub's listener: finds out what a URL asks for and calls the right handlers.

Paths are matched on their quoted form, since a revision may hold %2F.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.standin import access
from tests.standin.api import ACTIONS, ApiHandlers
from tests.standin.exchange import Exchange, Listener, Route
from tests.standin.git import GitHandlers
from tests.standin.lfs import LfsHandlers
from tests.standin.registry import RegistryHandlers
from tests.standin.reply import Reply, error_reply, redirect
from tests.standin.resolve import ResolveHandlers

if TYPE_CHECKING:
    from tests.standin.standin import StandIn

_RESOLVE = re.compile(
    r"/(?:(?P<prefix>datasets|spaces)/)?(?P<id>[^/]+(?:/[^/]+)?)/resolve/"
    r"(?P<rev>refs/[^/]+/[^/]+|[^/]+)/(?P<path>.+)"
)
_CACHED = re.compile(
    r"/api/resolve-cache/(?P<type>model|dataset|space)s/(?P<id>.+?)/"
    r"(?P<rev>[0-9a-f]{40})/(?P<path>.+)"
)
_API = re.compile(
    r"/api/(?P<type>model|dataset|space)s/(?P<id>[^/]+(?:/[^/]+?)??)"
    rf"(?:/(?P<action>{'|'.join(ACTIONS)})(?:/(?P<rest>.*))?)?/?"
)

_GIT = re.compile(
    r"/(?:(?P<prefix>datasets|spaces)/)?(?P<id>[^/]+/[^/]+?)(?:\.git)?/"
    r"(?P<service>info/refs|git-upload-pack|info/lfs/objects/batch)"
)
_REGISTRY = re.compile(r"/v2/(?P<id>[^/]+/[^/]+)/(?P<kind>manifests|blobs)/(?P<name>[^/]+)")


class Hub(Listener):
    """Routes of huggingface.co."""

    def __init__(self, standin: StandIn) -> None:
        super().__init__(standin)
        self._files = ResolveHandlers(self)
        self._api = ApiHandlers(self)
        self._git = GitHandlers(self)
        self._lfs = LfsHandlers(self)
        self._registry = RegistryHandlers(self)

    def route(self, exchange: Exchange) -> Route:
        """Match the path; identify the caller."""
        path = exchange.path
        exchange.record.kind = "resolve" if "/resolve/" in path else "api"
        exchange.user = access.identify(self.state, exchange.request.headers)
        if match := _CACHED.fullmatch(path):
            place = (match["type"], unquote(match["id"]), match["rev"], unquote(match["path"]))
            return self._file_route("resolve-cache", self._files.cached, *place)
        if match := _RESOLVE.fullmatch(path):
            place = (
                _type(match),
                unquote(match["id"]),
                unquote(match["rev"]),
                unquote(match["path"]),
            )
            return self._moved("resolve", exchange, place[0], place[1]) or self._file_route(
                "resolve", self._files.resolve, *place
            )
        if match := _GIT.fullmatch(path):
            return self._git_route(match)
        if match := _REGISTRY.fullmatch(path):
            return self._registry_route(match)
        if path == "/api/whoami-v2":
            return Route("api", self._api.whoami)
        if match := _API.fullmatch(path):
            return self._api_route(exchange, match)
        return Route("api", _unknown)

    def _file_route(
        self,
        kind: str,
        handler: Callable[..., Awaitable[Reply]],
        type: str,
        repo_id: str,
        rev: str,
        path: str,
    ) -> Route:
        repo = self.state.repos.get((type, repo_id))
        commit = repo.resolve(rev) if repo else None
        file = repo.commits[commit].get(path) if repo and commit else None
        name = f"{repo_id}/{path}"
        names = (file.etag, name) if file else (name,)

        async def serve(exchange: Exchange) -> Reply:
            return await handler(exchange, type, repo_id, rev, path)

        return Route(kind, serve, names)

    def _api_route(self, exchange: Exchange, match: re.Match[str]) -> Route:
        type, repo_id, action = match["type"], unquote(match["id"]), match["action"] or "info"
        kind = "xet-token" if action == "xet-read-token" else "api"
        handler = functools.partial(
            self._api.repo, type=type, repo_id=repo_id, action=action, rest=match["rest"] or ""
        )
        return self._moved(kind, exchange, type, repo_id) or Route(
            kind, handler, (f"{repo_id}/{action}",)
        )

    def _git_route(self, match: re.Match[str]) -> Route:
        type, repo_id, service = _type(match), unquote(match["id"]), match["service"]
        if service.startswith("info/lfs"):
            batch = functools.partial(self._lfs.batch, type=type, repo_id=repo_id)
            return Route("lfs", batch, (f"{repo_id}/batch",))
        serve = functools.partial(self._git.serve, type=type, repo_id=repo_id, service=service)
        return Route("git", serve, (f"{repo_id}/{service}",))

    def _registry_route(self, match: re.Match[str]) -> Route:
        repo_id, name = unquote(match["id"]), unquote(match["name"])
        if match["kind"] == "manifests":
            handler = functools.partial(self._registry.manifest, repo_id=repo_id, tag=name)
        else:
            handler = functools.partial(self._registry.blob, repo_id=repo_id, digest=name)
        return Route("registry", handler, (f"{repo_id}/{name}",))

    def _moved(self, kind: str, exchange: Exchange, type: str, repo_id: str) -> Route | None:
        """Route to the new address of a renamed repository."""
        new_id = self.state.renamed.get((type, repo_id))
        if new_id is None or (type, repo_id) in self.state.repos:
            return None
        target = exchange.request.raw_path.replace(f"/{repo_id}", f"/{new_id}", 1)

        async def moved(_exchange: Exchange) -> Reply:
            return redirect(307, target)

        return Route(kind, moved, (repo_id,))


def _type(match: re.Match[str]) -> str:
    prefix: str = match["prefix"] or "models"
    return prefix.removesuffix("s")


async def _unknown(_exchange: Exchange) -> Reply:
    return error_reply(404, "Sorry, we can't find the page you are looking for.")
