"""The Hub's JSON API: model info, tree, paths-info, refs, commits, whoami, xet-read-token.

Called by hub.py. Fields are the ones clients read (facts, sections 1.2 and 9).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from tests.standin import access
from tests.standin.content import lfs_pointer
from tests.standin.exchange import Exchange, Listener
from tests.standin.model import File, Repo
from tests.standin.reply import RefusedError, Reply, error_reply, json_reply
from tests.standin.upload import UploadHandlers

ACTIONS = (
    "revision", "tree", "paths-info", "refs", "commits", "commit", "preupload", "xet-read-token",
)  # fmt: skip
DATE = "2026-01-02T03:04:05.000Z"


class ApiHandlers:
    """Handlers of /api/... ."""

    def __init__(self, hub: Listener) -> None:
        self._hub = hub
        self._settings = hub.settings
        self._uploads = UploadHandlers(hub)

    async def whoami(self, exchange: Exchange) -> Reply:
        """`/api/whoami-v2`."""
        user = exchange.user
        if user is None:
            raise RefusedError(error_reply(401, "Invalid username or password."))
        token = {"type": "access_token", "accessToken": {"displayName": "test", "role": "read"}}
        return json_reply(
            {"type": "user", "id": user.id, "name": user.name, "orgs": [], "auth": token}
        )

    async def repo(
        self, exchange: Exchange, type: str, repo_id: str, action: str, rest: str
    ) -> Reply:
        """`/api/{type}s/{id}[/{action}[/{rest}]]`; `rest` is still quoted."""
        repo = access.readable(self._hub.state, exchange.user, type, repo_id)
        if action == "refs":
            return self._refs(repo)
        revision, _, directory = rest.partition("/")
        commit = access.commit_of(repo, unquote(revision) or "main")
        if action == "tree":
            return self._tree(exchange, repo, commit, unquote(revision), unquote(directory))
        if action == "paths-info":
            return await self._paths_info(exchange, repo, commit)
        if action == "preupload":
            return await self._uploads.preupload(exchange, repo)
        if action == "commit":
            return await self._uploads.commit(exchange, repo, commit)
        if action == "commits":
            return self._commits(repo, commit)
        if action == "xet-read-token":
            return self._xet_token()
        return self._info(exchange, repo, commit)

    def _info(self, exchange: Exchange, repo: Repo, commit: str) -> Reply:
        blobs = _flag(exchange, "blobs")
        siblings = []
        for path, file in repo.commits[commit].items():
            sibling: dict[str, Any] = {"rfilename": path}
            if blobs:
                sibling |= {"size": file.content.size, "blobId": file.oid}
                if file.lfs:
                    sibling["lfs"] = _lfs(file) | {"sha256": file.content.sha256}
            siblings.append(sibling)
        return json_reply(
            {
                "_id": repo.hex_id,
                "id": repo.id,
                f"{repo.type}Id": repo.id,
                "author": repo.id.partition("/")[0],
                "sha": commit,
                "private": repo.private,
                "gated": repo.gated,
                "disabled": repo.disabled,
                "lastModified": DATE,
                "createdAt": DATE,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": siblings,
            }
        )

    def _tree(
        self, exchange: Exchange, repo: Repo, commit: str, revision: str, directory: str
    ) -> Reply:
        recursive = _flag(exchange, "recursive")
        expand = _flag(exchange, "expand")
        inside = directory.strip("/")
        entries = self._entries(repo, commit, inside, recursive=recursive, expand=expand)
        if inside and not entries:
            access.file_of(repo, commit, inside)
        query = exchange.request.query
        size = min(self._settings.page_size, int(query.get("limit", "1000")))
        start = int(query.get("cursor", "0"))
        headers = {}
        if start + size < len(entries):
            url = f"{self._hub.standin.hub_base}/api/{repo.type}s/{repo.id}/tree"
            where = "/".join(filter(None, (quote(revision, safe=""), quote(inside))))
            following = dict(query) | {"cursor": str(start + size)}
            headers["Link"] = f'<{url}/{where}?{urlencode(following)}>; rel="next"'
        return json_reply(entries[start : start + size], headers)

    def _entries(
        self, repo: Repo, commit: str, inside: str, *, recursive: bool, expand: bool
    ) -> list[dict[str, Any]]:
        start = f"{inside}/" if inside else ""
        found: dict[str, dict[str, Any]] = {}
        for path, file in repo.commits[commit].items():
            if not path.startswith(start):
                continue
            folders = path[len(start) :].split("/")[:-1]
            for depth in range(1, len(folders) + 1 if recursive else min(len(folders), 1) + 1):
                folder = start + "/".join(folders[:depth])
                found.setdefault(folder, {"type": "directory", "oid": "0" * 40, "size": 0})
            if recursive or not folders:
                found[path] = self._entry(file, commit, expand=expand)
        return [{"path": path, **entry} for path, entry in sorted(found.items())]

    def _entry(self, file: File, commit: str, *, expand: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "oid": file.oid, "size": file.content.size}
        if file.lfs:
            entry["lfs"] = _lfs(file)
            if self._settings.xet:
                entry["xetHash"] = file.content.xet_hash
        if expand:
            entry["lastCommit"] = {"id": commit, "title": "Upload", "date": DATE}
        return entry

    async def _paths_info(self, exchange: Exchange, repo: Repo, commit: str) -> Reply:
        data = await exchange.request.read()
        if exchange.request.content_type == "application/json":
            form = json.loads(data)
            paths, expand = form["paths"], bool(form.get("expand"))
        else:
            fields = parse_qs(data.decode())
            paths = fields.get("paths", [])
            expand = fields.get("expand", ["false"])[0].lower() == "true"
        every = self._entries(repo, commit, "", recursive=True, expand=expand)
        wanted = {path.strip("/") for path in ([paths] if isinstance(paths, str) else paths)}
        return json_reply([entry for entry in every if entry["path"] in wanted])

    def _refs(self, repo: Repo) -> Reply:
        listed: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": []}
        for name, commit in repo.refs.items():
            if name.startswith("refs/"):
                continue
            listed["branches"].append(
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit}
            )
        return json_reply(listed)

    def _commits(self, repo: Repo, commit: str) -> Reply:
        newest_first = list(repo.commits)[: list(repo.commits).index(commit) + 1][::-1]
        listed = [
            {"id": c, "title": "Upload", "message": "", "authors": [{"user": "x"}], "date": DATE}
            for c in newest_first
        ]
        return json_reply(listed, {"X-Total-Count": str(len(listed))})

    def _xet_token(self) -> Reply:
        token, expires = self._hub.standin.xet_tokens.issue(self._settings.xet_token_lifetime_s)
        cas = self._hub.standin.cas_base
        headers = {
            "X-Xet-Cas-Url": cas,
            "X-Xet-Access-Token": token,
            "X-Xet-Token-Expiration": str(expires),
        }
        return json_reply({"casUrl": cas, "accessToken": token, "exp": expires}, headers)


def _lfs(file: File) -> dict[str, Any]:
    return {
        "oid": file.content.sha256,
        "size": file.content.size,
        "pointerSize": len(lfs_pointer(file.content)),
    }


def _flag(exchange: Exchange, name: str) -> bool:
    return exchange.request.query.get(name, "").lower() in ("true", "1")
