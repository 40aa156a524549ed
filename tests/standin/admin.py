"""Control API of the stand-in, on a port of its own: state, faults, counters as JSON.

process.py is its client; `make demo`, the benchmarks and process tests use that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.standin import fixtures

if TYPE_CHECKING:
    from tests.standin.standin import StandIn


class Admin:
    """`METHOD /name` with a JSON object as the body; answers JSON.

    GET /urls, /counters, /requests, /bytes?name=; POST /reset, /settings, /repo, /commit,
    /rename, /repo-options, /token, /plain, /fault, /clear-faults, /limit; GET /faults.
    """

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call; a wrong argument is a 400 with its message."""
        name = f"{request.method.lower()}_{request.path.strip('/').replace('-', '_')}"
        action = getattr(self, f"_{name}", None)
        if action is None:
            return web.json_response({"error": f"no such call: {name}"}, status=404)
        data = await request.read()
        values = json.loads(data) if data else dict(request.query)
        try:
            return web.json_response(action(**values))
        except (KeyError, TypeError, ValueError, OSError) as error:
            return web.json_response({"error": repr(error)}, status=400)

    def _get_urls(self) -> dict[str, str]:
        return self._standin.urls

    def _get_counters(self) -> dict[str, Any]:
        return self._standin.counters.summary()

    def _get_requests(self) -> list[dict[str, Any]]:
        return self._standin.counters.requests_as_json()

    def _get_bytes(self, name: str) -> int:
        return self._standin.counters.bytes_of(name)

    def _post_reset(self) -> None:
        self._standin.counters.reset()

    def _post_settings(self, **values: Any) -> None:
        self._standin.settings.change(**values)

    def _post_repo(self, id: str, files: dict[str, Any], **options: Any) -> dict[str, Any]:
        made = fixtures.files_from_spec(files, self._standin.root)
        repo = self._standin.state.create(id, made, **options)
        sizes = {path: file.content.size for path, file in repo.commits[repo.head].items()}
        digests = {path: file.content.sha256 for path, file in repo.commits[repo.head].items()}
        return {"commit": repo.head, "sizes": sizes, "sha256": digests}

    def _post_commit(
        self, id: str, files: dict[str, Any], type: str = "model", ref: str | None = "main"
    ) -> str:
        made = fixtures.files_from_spec(files, self._standin.root)
        return self._standin.state.repos[type, id].commit(made, ref=ref)

    def _post_rename(self, id: str, new_id: str, type: str = "model") -> None:
        self._standin.state.rename(self._standin.state.repos[type, id], new_id)

    def _post_repo_options(self, id: str, type: str = "model", **options: Any) -> None:
        repo = self._standin.state.repos[type, id]
        for name, value in options.items():
            if name not in ("private", "gated", "disabled"):
                raise ValueError(f"no such option: {name}")
            setattr(repo, name, value)

    def _post_token(self, token: str, user: str, granted: list[str] | None = None) -> None:
        self._standin.state.add_token(token, user, tuple(granted or ()))

    def _post_plain(self, name: str, file: Any) -> dict[str, Any]:
        content = fixtures.content_from_spec(file, self._standin.root)
        self._standin.state.plain[name] = content
        return {"size": content.size, "sha256": content.sha256}

    def _post_fault(self, kind: str, **options: Any) -> int:
        self._standin.faults.add(kind, **options)
        return len(self._standin.faults.all) - 1

    def _get_faults(self) -> list[dict[str, Any]]:
        return [vars(fault) for fault in self._standin.faults.all]

    def _post_clear_faults(self) -> None:
        self._standin.faults.clear()

    def _post_limit(self, bucket: str, limit: int, **options: Any) -> None:
        self._standin.limits.set(bucket, limit, **options)


def load_spec(path: Path) -> dict[str, Any]:
    """Read a repository description (the body of POST /repo) from a JSON file."""
    value: dict[str, Any] = json.loads(path.read_text())
    return value
