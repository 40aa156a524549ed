"""Git LFS of the stand-in Hub: the batch call that turns object ids into signed CDN URLs.

Called by hub.py for `/{id}.git/info/lfs/objects/batch` (git-lfs docs/api/batch.md).
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from tests.standin import access
from tests.standin.exchange import Exchange, Listener
from tests.standin.model import File, Repo
from tests.standin.reply import RefusedError, Reply, json_reply

MEDIA_TYPE = "application/vnd.git-lfs+json"
REALM = 'Basic realm="Authentication required", charset="UTF-8"'


class LfsHandlers:
    """Handler of the batch call."""

    def __init__(self, hub: Listener) -> None:
        self._hub = hub

    async def batch(self, exchange: Exchange, type: str, repo_id: str) -> Reply:
        """Answer a download batch; objects the repository does not hold get a 404 of their own."""
        headers = {"Content-Type": MEDIA_TYPE}
        try:
            repo = access.readable(self._hub.state, exchange.user, type, repo_id)
        except RefusedError as refused:
            if refused.reply.status == 401:
                refused.reply.headers["LFS-Authenticate"] = REALM
            raise
        asked = json.loads(await exchange.request.read())
        if asked.get("operation") == "upload":
            objects = [self._place(item) for item in asked["objects"]]
        else:
            objects = [self._object(exchange, repo, item) for item in asked["objects"]]
        answer = {"transfer": "basic", "objects": objects, "hash_algo": "sha256"}
        return json_reply(answer, headers)

    def _place(self, item: dict[str, Any]) -> dict[str, Any]:
        upload = {"href": f"{self._hub.standin.cdn_base}/uploads/{item['oid']}", "header": {}}
        return {"oid": item["oid"], "size": item["size"], "actions": {"upload": upload}}

    def _object(self, exchange: Exchange, repo: Repo, item: dict[str, Any]) -> dict[str, Any]:
        found = _find(repo, item["oid"])
        named = {"oid": item["oid"], "size": item["size"]}
        if found is None:
            return named | {"error": {"code": 404, "message": "Object does not exist"}}
        path, file = found
        url = self._hub.standin.signed_url(repo, file.content, path, user=exchange.user_id)
        ends = datetime.fromtimestamp(
            time.time() + self._hub.settings.signature_lifetime_s, UTC
        ).isoformat()
        download = {"href": url, "header": {}, "expires_at": ends}
        return named | {"authenticated": True, "actions": {"download": download}}


def _find(repo: Repo, oid: str) -> tuple[str, File] | None:
    for files in repo.commits.values():
        for path, file in files.items():
            if file.lfs and file.content.sha256 == oid:
                return path, file
    return None
