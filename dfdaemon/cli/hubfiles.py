"""The files that an hf:// URL means, asked from the Hub's listing.

The Hub names each file's size and digest there (sha256 for LFS files, git's sha1 for others), so that
every file is verified and is one blob with what other clients of the swarm fetch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from dfcore.errors import BadInput, MeganeuraError, NotFound, OriginBroken, OriginRefused
from dfdaemon.cli.items import Item, Listing, safe_name
from dfdaemon.hub.facts import FileFact, facts_from_entries, header
from dfdaemon.hub.rewrite import next_link
from dfdaemon.hub.routes import Repo, resolve_path, tree_path
from dfdaemon.hub.urls import HubUrl
from dfdaemon.task.service import HubAnswer, HubGateway
from dfdaemon.task.spec import Headers

_MAX_HOPS = 3
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def token_of_environment(environ: Mapping[str, str]) -> str:
    """The user's token where huggingface_hub looks for it, empty if there is none."""
    if environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return ""
    token = environ.get("HF_TOKEN") or environ.get("HUGGING_FACE_HUB_TOKEN")
    if token:
        return token.strip()
    cache = Path(environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(environ.get("HF_HOME") or cache / "huggingface")
    path = Path(environ.get("HF_TOKEN_PATH") or home / "token")
    try:
        return path.expanduser().read_text().strip()
    except (OSError, RuntimeError, UnicodeDecodeError):
        return ""


class HubFiles:
    """Asks one Hub what a URL means. The gateway retries; the token goes to this Hub only."""

    def __init__(self, gateway: HubGateway, base: str, token: str) -> None:
        self._gateway = gateway
        self._base = base.rstrip("/")
        self._token = token

    async def files_of(self, wanted: HubUrl, *, recursive: bool) -> Listing:
        """One file, a folder (``recursive``) or the whole repository."""
        document, headers = await self._describe(wanted)
        commit = document.get("sha")
        if not isinstance(commit, str):
            raise OriginBroken(f"{self._base} does not say which commit {wanted.revision} is")
        repo = wanted.repo
        if wanted.path and not recursive:
            facts = [await self._file(repo, commit, wanted.path, headers)]
        else:
            facts = await self._tree(repo, commit, wanted.path, headers)
        if headers and facts:
            await self._check_right(repo, commit, facts[0][0], headers)
        base = f"{wanted.path}/" if wanted.path and recursive else ""
        items = tuple(
            self._item(repo, commit, path, fact, headers, safe_name(path.removeprefix(base)))
            for path, fact in facts
        )
        single = bool(wanted.path) and not recursive
        name = (wanted.path or repo.id).rpartition("/")[2]
        return Listing(name, items, single=single)

    def _item(
        self, repo: Repo, commit: str, path: str, fact: FileFact, headers: Headers, name: str
    ) -> Item:
        return Item(
            name=name,
            url=self._base + resolve_path(repo, commit, path),
            size_bytes=fact.size_bytes,
            digest=fact.digest,
            content=str(fact.digest) if fact.digest else None,
            headers=headers,
        )

    async def _describe(self, wanted: HubUrl) -> tuple[Mapping[str, Any], Headers]:
        """The revision, and the headers that its files need: none if everybody may read them.

        Without the token first: content fetched with one belongs to its owner and is not shared in
        the clear.
        """
        repo = wanted.repo
        target = f"/api/{repo.type}/{repo.id}/revision/{quote(wanted.revision, safe='')}"
        own = Headers({"Authorization": f"Bearer {self._token}"} if self._token else {})
        answer = await self._ask("GET", target, Headers())
        if answer.status >= 400 and own:
            answer = await self._ask("GET", target, own)
            return _document(answer), own
        document = _document(answer)
        everybodys = not document.get("private") and not document.get("gated")
        return document, Headers() if everybodys else own

    async def _tree(
        self, repo: Repo, commit: str, folder: str, headers: Headers
    ) -> list[tuple[str, FileFact]]:
        target = tree_path(repo, commit)
        if folder:
            target = target.replace(f"/{commit}?", f"/{commit}/{quote(folder)}?", 1)
        facts: list[tuple[str, FileFact]] = []
        while target:
            answer = await self._ask("GET", target, headers)
            facts += facts_from_entries(commit, _json(answer))
            target = self._on_this_hub(next_link(answer.headers) or "")
        if not facts:
            raise NotFound(
                f"{repo.id}: no files{f' in {folder}' if folder else ''} at {commit[:12]}"
            )
        return facts

    async def _file(
        self, repo: Repo, commit: str, path: str, headers: Headers
    ) -> tuple[str, FileFact]:
        target = f"/api/{repo.type}/{repo.id}/paths-info/{commit}"
        body = urlencode({"paths": path, "expand": "false"}).encode()
        answer = await self._ask("POST", target, Headers({**headers, **_FORM}), body)
        entries = _json(answer)
        for found, fact in facts_from_entries(commit, entries):
            if found == path:
                return found, fact
        if isinstance(entries, list) and entries:
            raise BadInput(f"{repo.id}: {path} is a folder; --recursive downloads it")
        raise NotFound(f"{repo.id}: there is no file {path} at {commit[:12]}")

    async def _check_right(self, repo: Repo, commit: str, path: str, headers: Headers) -> None:
        """The listing of a gated repository is everybody's, its files are not."""
        await self._ask("HEAD", resolve_path(repo, commit, path), headers, hops=0)

    async def _ask(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes = b"",
        *,
        hops: int = _MAX_HOPS,
    ) -> HubAnswer:
        """Ask this Hub, following its redirects of a renamed repository to itself.

        Raises OriginRefused, but for a first question without the token.
        """
        answer = await self._gateway.ask(method, self._base + target, headers, body)
        if 300 <= answer.status < 400 and hops:
            location = header(answer.headers, "location") or ""
            following = self._on_this_hub(urljoin(self._base + target, location))
            if following:
                return await self._ask(method, following, headers, body, hops=hops - 1)
        if answer.status >= 400 and (headers or not self._token):
            raise OriginRefused(answer.status, dict(answer.headers), answer.body)
        return answer

    def _on_this_hub(self, url: str) -> str:
        """Path and query of a URL of this Hub, empty for any other."""
        return url[len(self._base) :] if url.startswith(f"{self._base}/") else ""


def _json(answer: HubAnswer) -> object:
    if answer.status >= 300:
        raise OriginRefused(answer.status, dict(answer.headers), answer.body)
    try:
        return json.loads(answer.body)
    except ValueError:
        raise OriginBroken("the Hub's answer is not JSON; is the endpoint a Hub?") from None


def _document(answer: HubAnswer) -> Mapping[str, Any]:
    document = _json(answer)
    if not isinstance(document, dict):
        raise MeganeuraError("the Hub's answer does not describe a revision")
    return document
