"""Files of the Hub: /resolve/ and /api/resolve-cache/, HEAD and GET.

A regular file is answered 307 to resolve-cache (or 200, by setting), an LFS file 302 to a
freshly signed CDN URL. Called by hub.py.
"""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from tests.standin import access
from tests.standin.exchange import Exchange, Listener
from tests.standin.model import File, Repo
from tests.standin.reply import Reply, redirect

EXPOSED = "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,ETag,Link,Accept-Ranges"


class ResolveHandlers:
    """Handlers of file URLs."""

    def __init__(self, hub: Listener) -> None:
        self._hub = hub
        self._settings = hub.settings

    async def resolve(
        self, exchange: Exchange, type: str, repo_id: str, revision: str, path: str
    ) -> Reply:
        """`/{prefix}{id}/resolve/{revision}/{path}`."""
        repo = access.readable(self._hub.state, exchange.user, type, repo_id)
        commit = access.commit_of(repo, revision)
        file = access.file_of(repo, commit, path)
        if file.lfs:
            return self._to_cdn(exchange, repo, commit, path, file)
        if self._settings.small_files == "direct":
            return self._whole(commit, path, file)
        where = f"{repo.type}s/{repo.id}/{commit}/{quote(path)}"
        asked = quote(f"/{repo.prefix}{repo.id}/resolve/{revision}/{path}", safe="")
        location = f"/api/resolve-cache/{where}?{asked}=&etag=%22{file.etag}%22"
        headers = self._common(commit) | {"ETag": f'"{file.etag}"'}
        return redirect(307, location, headers)

    async def cached(
        self, exchange: Exchange, type: str, repo_id: str, commit: str, path: str
    ) -> Reply:
        """`/api/resolve-cache/{type}s/{id}/{commit}/{path}`."""
        repo = access.readable(self._hub.state, exchange.user, type, repo_id)
        commit = access.commit_of(repo, commit)
        return self._whole(commit, path, access.file_of(repo, commit, path))

    def _whole(self, commit: str, path: str, file: File) -> Reply:
        kind = mimetypes.guess_type(path)[0] or "text/plain"
        headers = self._common(commit) | {
            "ETag": f'"{file.etag}"',
            "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            "Content-Disposition": _disposition(path),
        }
        return Reply(200, headers, file.content, ranged=True, gzip=self._settings.gzip)

    def _to_cdn(self, exchange: Exchange, repo: Repo, commit: str, path: str, file: File) -> Reply:
        standin = self._hub.standin
        location = standin.signed_url(repo, file.content, path, user=exchange.user_id)
        headers = self._common(commit) | {
            "X-Linked-Size": str(file.content.size),
            "X-Linked-Etag": f'"{file.content.sha256}"',
            "ETag": f'"{file.content.sha256}"',
            "Accept-Ranges": "bytes",
        }
        if self._settings.xet:
            token_path = f"/api/{repo.type}s/{repo.id}/xet-read-token/{commit}"
            token_url = f"{standin.hub_base}{token_path}"
            info = f"{standin.cas_base}/v1/reconstructions/{file.content.xet_hash}"
            headers["X-Xet-Hash"] = file.content.xet_hash
            headers["Link"] = (
                f'<{token_url}>; rel="xet-auth", <{info}>; rel="xet-reconstruction-info"'
            )
            if self._settings.xet_route_header:
                headers["X-Xet-Refresh-Route"] = token_path
        return redirect(302, location, headers)

    @staticmethod
    def _common(commit: str) -> dict[str, str]:
        return {
            "X-Repo-Commit": commit,
            "Access-Control-Expose-Headers": EXPOSED,
            "Vary": "Origin, Accept",
            "X-Powered-By": "huggingface-moon",
            "Accept-Ranges": "bytes",
        }


def _disposition(path: str) -> str:
    name = path.rpartition("/")[2]
    return f"inline; filename*=UTF-8''{quote(name)}; filename=\"{name}\";"
