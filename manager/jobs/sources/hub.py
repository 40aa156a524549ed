"""Repositories of a Hugging Face Hub: ``hf://[datasets/|spaces/]owner/repo[@rev][/path]``.

The listing names each file's size and digest (sha256 of LFS files, git's sha1 of others), so that what
nodes bring is verified and is one blob with what clients of the proxy fetch. The shapes of the API are
those that huggingface_hub uses (``/api/{type}/{id}/revision/{rev}``, ``…/tree/{commit}`` with pages).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from dfcore.errors import BadInput, Denied, NotFound, OriginBroken, Unauthorized, Unavailable
from manager.jobs.files import Access, PlannedFile
from manager.jobs.spec import PreheatSpec
from manager.jobs.web import Web, WebAnswer

_TYPES = ("models", "datasets", "spaces", "kernels")
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')
_HEX40, _HEX64 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")
_MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class HubTarget:
    """A repository, a folder or a file of one."""

    type: str
    repo: str
    revision: str
    path: str

    @property
    def prefix(self) -> str:
        """What stands before the id in a page's path: nothing for models."""
        return "" if self.type == "models" else f"{self.type}/"


def parse_target(url: str, revision: str = "") -> HubTarget:
    """Read an hf:// URL; ``revision`` holds where the URL names none. Raises BadInput."""
    wrong = BadInput(f"{url[:200]} is not hf://[datasets/|spaces/]owner/repo[@rev][/path]")
    if not url.startswith("hf://") or "?" in url or "#" in url:
        raise wrong
    segments = url.removeprefix("hf://").rstrip("/").split("/")
    type_ = "models"
    if segments[0] in _TYPES:
        type_, segments = segments[0], segments[1:]
    bare = bool(segments) and ("@" in segments[0] or len(segments) == 1)
    head, rest = (segments[:1], segments[1:]) if bare else (segments[:2], segments[2:])
    name, at, named = (head[-1] if head else "").partition("@")
    if named == "refs" and rest[:1] in (["pr"], ["convert"]) and len(rest) > 1:
        named, rest = "/".join((named, *rest[:2])), rest[2:]
    repo = "/".join((*head[:-1], name))
    if not all(repo.split("/")) or (at and not named) or not all(rest) or ".." in segments:
        raise wrong
    return HubTarget(type_, repo, unquote(named) or revision or "main", unquote("/".join(rest)))


def matches(path: str, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """The rule of huggingface_hub's ``allow_patterns`` and ``ignore_patterns``."""
    include, exclude = tuple(map(_whole, include)), tuple(map(_whole, exclude))
    if include and not any(fnmatchcase(path, pattern) for pattern in include):
        return False
    return not any(fnmatchcase(path, pattern) for pattern in exclude)


class HubSource:
    """Asks one Hub. The token goes there and to the nodes only, and only for what is not everybody's."""

    def __init__(self, web: Web, endpoint: str, token: str, *, nodes_own: bool = True) -> None:
        """``nodes_own``: it is the Hub that nodes know as theirs; else they get its full URLs."""
        self._web = web
        self._base = endpoint.rstrip("/")
        self._token = token
        self._nodes_own = nodes_own

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """The files of all repositories, patterns applied."""
        files: list[PlannedFile] = []
        for url in spec.urls:
            files += await self._plan(parse_target(url, spec.revision), spec)
        return files

    async def access(self, file: PlannedFile) -> Access:
        """The same URL for all nodes; each resolves hf:// at the Hub that it is configured with."""
        if self._nodes_own:
            return Access(file.url, token=self._token if file.private else "")
        return Access(file.url, self._bearer() if file.private else {})

    async def _plan(self, target: HubTarget, spec: PreheatSpec) -> list[PlannedFile]:
        commit, private = await self._commit(target)
        found = [entry async for entry in self._tree(target, commit, private=private)]
        wanted = [
            self._file(target, commit, entry, private=private)
            for entry in found
            if _below(entry["path"], target.path)
            and matches(entry["path"], spec.include, spec.exclude)
        ]
        if not wanted:
            what = f" in {target.path}" if target.path else ""
            left = " after the patterns" if spec.include or spec.exclude else ""
            raise NotFound(f"hf://{target.prefix}{target.repo}: no files{what}{left}")
        if private:
            await self._check_right(target, commit, wanted[0].name)
        return wanted

    def _file(
        self, target: HubTarget, commit: str, entry: Mapping[str, Any], *, private: bool
    ) -> PlannedFile:
        digest, path = _digest(entry), entry["path"]
        page = f"{target.prefix}{target.repo}"
        # Dragonfly's own nodes read the revision from a field; a name without an owner needs the @.
        url = f"hf://{page}{'' if '/' in target.repo else f'@{commit}'}/{path}"
        if not self._nodes_own or any(c in path for c in "?#"):
            url = f"{self._base}/{page}/resolve/{commit}/{quote(path)}"
        return PlannedFile(
            name=path,
            url=url,
            size_bytes=entry["size"],
            digest=digest,
            content=digest,
            revision=commit,
            private=private,
        )

    async def _commit(self, target: HubTarget) -> tuple[str, bool]:
        """The commit of the revision, and whether its files need the token.

        Without the token first: what is fetched with one belongs to its owner and is shared less.
        """
        url = f"{self._base}/api/{target.type}/{target.repo}/revision/{quote(target.revision, safe='')}"
        answer = await self._web.ask("GET", url)
        private = False
        if answer.status in (401, 403, 404) and self._token:
            answer, private = await self._web.ask("GET", url, self._bearer()), True
        document = self._document(answer, target)
        commit = document.get("sha")
        if not isinstance(commit, str) or not _HEX40.fullmatch(commit):
            raise OriginBroken(f"{self._base} does not say which commit {target.revision} is")
        return commit, private or bool(document.get("private") or document.get("gated"))

    async def _tree(self, target: HubTarget, commit: str, *, private: bool) -> Any:
        url = f"{self._base}/api/{target.type}/{target.repo}/tree/{commit}?recursive=true&expand=false"
        headers = self._bearer() if private else {}
        for _ in range(_MAX_PAGES):
            answer = await self._web.ask("GET", url, headers)
            for entry in _entries(self._checked(answer, target).json()):
                yield entry
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            url = self._on_this_hub(urljoin(url, following[1]))
        raise OriginBroken(f"{self._base}: the listing of {target.repo} has no end")

    def _on_this_hub(self, url: str) -> str:
        """A page's address with the base that we were given: the token goes nowhere else."""
        parts = urlsplit(url)
        return f"{self._base}{parts.path.removeprefix(urlsplit(self._base).path)}?{parts.query}"

    async def _check_right(self, target: HubTarget, commit: str, path: str) -> None:
        """The listing of a gated repository is everybody's, its files are not."""
        url = f"{self._base}/{target.prefix}{target.repo}/resolve/{commit}/{quote(path)}"
        answer = await self._web.ask("HEAD", url, self._bearer(), follow=False)
        self._checked(answer, target)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _document(self, answer: WebAnswer, target: HubTarget) -> Mapping[str, Any]:
        document = self._checked(answer, target).json()
        if not isinstance(document, dict):
            raise OriginBroken(f"{self._base} does not describe {target.repo}")
        return document

    def _checked(self, answer: WebAnswer, target: HubTarget) -> WebAnswer:
        what = f"hf://{target.prefix}{target.repo}@{target.revision}"
        hint = "" if self._token else " (a secret with a token may help)"
        if answer.status == 401:
            raise Unauthorized(f"{what}: the Hub wants to know who asks{hint}")
        if answer.status == 403:
            raise Denied(f"{what}: the Hub does not let this token read it{hint}")
        if answer.status == 404:
            raise NotFound(f"{what}: the Hub has no such repository or revision{hint}")
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable(f"{what}: the Hub answers {answer.status}")
        if answer.status >= 400:
            raise OriginBroken(f"{what}: the Hub answers {answer.status}")
        return answer


def _entries(document: object) -> Iterator[Mapping[str, Any]]:
    for entry in document if isinstance(document, list) else ():
        if not isinstance(entry, dict) or entry.get("type") != "file":
            continue
        if isinstance(entry.get("path"), str) and isinstance(entry.get("size"), int):
            yield entry


def _digest(entry: Mapping[str, Any]) -> str:
    lfs = entry.get("lfs")
    if isinstance(lfs, dict):
        oid = str(lfs.get("oid", "")).removeprefix("sha256:")
        return f"sha256:{oid}" if _HEX64.fullmatch(oid) else ""
    oid = str(entry.get("oid", ""))
    return f"git-sha1:{oid}" if _HEX40.fullmatch(oid) else ""


def _below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _whole(pattern: str) -> str:
    return f"{pattern}*" if pattern.endswith("/") else pattern
