"""The Hub's OCI-like side, `/v2/{id}/...`, which Ollama and llama.cpp use for GGUF files.

Manifests are by quantisation tag; the model's blob redirects to the CDN. Called by hub.py
(facts, section 5).
"""

from __future__ import annotations

import json

from tests.standin import access
from tests.standin.content import Content
from tests.standin.exchange import Exchange, Listener
from tests.standin.model import File, Repo
from tests.standin.reply import RefusedError, Reply, error_reply, json_reply, redirect

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = Content(json.dumps({"model_format": "gguf", "model_family": "llama"}).encode())


class RegistryHandlers:
    """Handlers of manifests and blobs."""

    def __init__(self, hub: Listener) -> None:
        self._hub = hub

    async def manifest(self, exchange: Exchange, repo_id: str, tag: str) -> Reply:
        """`/v2/{id}/manifests/{tag}`."""
        repo = access.readable(self._hub.state, exchange.user, "model", repo_id)
        path, file = _model(repo, tag)
        layer = {
            "mediaType": "application/vnd.ollama.image.model",
            "digest": f"sha256:{file.content.sha256}",
            "size": file.content.size,
        }
        config = {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": f"sha256:{CONFIG.sha256}",
            "size": CONFIG.size,
        }
        manifest: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config,
            "layers": [layer],
        }
        if exchange.request.headers.get("User-Agent", "").startswith("llama-cpp"):
            manifest["ggufFile"] = {"rfilename": path, "size": file.content.size}
        return json_reply(manifest, {"Content-Type": MANIFEST_TYPE})

    async def blob(self, exchange: Exchange, repo_id: str, digest: str) -> Reply:
        """`/v2/{id}/blobs/sha256:{hex}`."""
        repo = access.readable(self._hub.state, exchange.user, "model", repo_id)
        if digest == f"sha256:{CONFIG.sha256}":
            return Reply(200, {"Content-Type": "application/json"}, CONFIG, ranged=True)
        for path, file in repo.commits[repo.head].items():
            if file.lfs and digest == f"sha256:{file.content.sha256}":
                standin = self._hub.standin
                user = exchange.user_id
                return redirect(307, standin.signed_url(repo, file.content, path, user=user))
        raise RefusedError(error_reply(404, "blob unknown", code="EntryNotFound"))


def _model(repo: Repo, tag: str) -> tuple[str, File]:
    for path, file in repo.commits[repo.head].items():
        if path.endswith(".gguf") and (tag == "latest" or tag.lower() in path.lower()):
            return path, file
    raise RefusedError(error_reply(404, "manifest unknown", code="EntryNotFound"))
