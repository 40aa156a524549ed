"""Writing to the stand-in Hub: preupload and commit calls, and LFS objects put on the CDN.

What `upload_file` of huggingface_hub needs, no more. Whoever was granted a repository may write to
it. Called by api.py, lfs.py and cdn.py.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.standin.content import Content
from tests.standin.exchange import Exchange, Listener
from tests.standin.model import LFS_SUFFIXES, File, HubState, Repo
from tests.standin.reply import RefusedError, Reply, error_reply, json_reply, text_reply


class UploadHandlers:
    """Handlers of the calls that change a repository."""

    def __init__(self, hub: Listener) -> None:
        self._hub = hub

    async def preupload(self, exchange: Exchange, repo: Repo) -> Reply:
        """Say which files go to LFS."""
        _check(exchange, repo)
        asked = json.loads(await exchange.request.read())
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LFS_SUFFIXES) else "regular",
                "shouldIgnore": False,
            }
            for file in asked["files"]
        ]
        return json_reply({"files": modes})

    async def commit(self, exchange: Exchange, repo: Repo, commit: str) -> Reply:
        """Add the files of a commit (lines of JSON) to those of `commit` and move main there."""
        _check(exchange, repo)
        files = dict(repo.commits[commit])
        for line in (await exchange.request.read()).splitlines():
            action = json.loads(line)
            value = action["value"]
            if action["key"] == "file":
                files[value["path"]] = File(Content(base64.b64decode(value["content"])))
            elif action["key"] == "lfsFile":
                files[value["path"]] = File(self._uploaded(value), lfs=True)
        made = repo.commit(files)
        url = f"{self._hub.standin.hub_base}/{repo.prefix}{repo.id}/commit/{made}"
        return json_reply({"success": True, "commitOid": made, "commitUrl": url})

    def _uploaded(self, value: dict[str, Any]) -> Content:
        content = self._hub.state.uploaded.get(value["oid"])
        if content is None or content.size != value["size"]:
            raise RefusedError(error_reply(400, f"no such LFS object: {value['oid']}"))
        return content


async def put_object(exchange: Exchange, state: HubState, oid: str) -> Reply:
    """`PUT /uploads/{oid}` of the CDN."""
    content = Content(await exchange.request.read())
    if content.sha256 != oid:
        return text_reply("the content has another digest", 400)
    state.uploaded[oid] = content
    return Reply(200, {"ETag": f'"{oid[:32]}"'}, Content(b""))


def _check(exchange: Exchange, repo: Repo) -> None:
    if exchange.user is None or repo.id not in exchange.user.granted:
        raise RefusedError(error_reply(403, "you have no right to write here"))
