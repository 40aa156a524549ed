"""What a path on the Hub asks for. Pure; called by the mirror, the metadata cache and the rules.

The shapes are those that huggingface_hub, git-lfs, Ollama and llama.cpp use (huggingface_hub's
``hf_hub_url`` and ``hf_api``, git-lfs ``docs/api/batch.md``, ollama ``server/download.go``).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TYPES = ("models", "datasets", "spaces", "kernels")
_API_ENDS = ("revision", "tree", "paths-info", "refs", "commits", "xet-read-token")


class Kind(enum.Enum):
    """What is asked for."""

    RESOLVE = "resolve"
    REPO = "repo"
    REVISION = "revision"
    TREE = "tree"
    PATHS_INFO = "paths-info"
    REFS = "refs"
    COMMITS = "commits"
    XET_TOKEN = "xet-read-token"
    WHOAMI = "whoami"
    LFS_BATCH = "lfs-batch"
    LFS_OBJECT = "lfs-object"
    GIT = "git"
    MANIFEST = "manifest"
    BLOB = "blob"
    API = "api"
    OTHER = "other"


@dataclass(frozen=True, slots=True, order=True)
class Repo:
    """A repository: ``type`` is the plural of the API (``models``), ``id`` is ``owner/name``."""

    type: str
    id: str

    @property
    def prefix(self) -> str:
        """What comes before the id in a page's path: nothing for models."""
        return "" if self.type == "models" else f"{self.type}/"


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed path. ``path`` is decoded; ``revision`` too (``refs/pr/1``)."""

    kind: Kind
    repo: Repo | None = None
    revision: str | None = None
    path: str | None = None

    @property
    def immutable(self) -> bool:
        """The answer cannot change: it is addressed by a full commit id."""
        return self.revision is not None and is_commit(self.revision)


def is_commit(revision: str) -> bool:
    """A full commit id, which always means the same content."""
    return _COMMIT.fullmatch(revision) is not None


def parse(raw_path: str) -> Route:
    """The route of an encoded path without query. Never fails: what is unknown is OTHER."""
    segments = raw_path.strip("/").split("/")
    if any(unquote(segment) in ("", ".", "..") for segment in segments):
        return Route(Kind.OTHER)
    if segments[0] == "api":
        return _parse_api(segments[1:])
    if segments[0] == "v2":
        return _parse_v2(segments[1:])
    return _parse_page(segments)


def resolve_path(repo: Repo, revision: str, path: str) -> str:
    """The path part of the download URL of a file."""
    return f"/{repo.prefix}{repo.id}/resolve/{quote(revision, safe='')}/{quote(path)}"


def tree_path(repo: Repo, commit: str) -> str:
    """Path and query of the listing of all files of a commit."""
    return f"/api/{repo.type}/{repo.id}/tree/{commit}?recursive=true&expand=false"


def xet_token_path(repo: Repo, revision: str) -> str:
    """The path where a client gets its token for the Xet chunk servers."""
    return f"/api/{repo.type}/{repo.id}/xet-read-token/{quote(revision, safe='')}"


def _parse_api(segments: list[str]) -> Route:
    if segments[:1] in (["whoami-v2"], ["whoami"]):
        return Route(Kind.WHOAMI)
    if segments[:1] == ["resolve-cache"]:
        return _parse_resolve_cache(segments[1:])
    if len(segments) < 2 or segments[0] not in _TYPES:
        return Route(Kind.API)
    return _parse_repo_api(segments[0], segments[1:])


def _parse_repo_api(type_: str, segments: list[str]) -> Route:
    # Old repositories have no owner: `gpt2/revision/main` against `owner/name/revision/main`.
    bare = len(segments) > 1 and segments[1] in _API_ENDS and segments[2:3] != ["revision"]
    count = 1 if bare or len(segments) == 1 else 2
    repo = Repo(type_, "/".join(map(unquote, segments[:count])))
    rest = segments[count:]
    if not rest:
        return Route(Kind.REPO, repo)
    if rest == ["refs"]:
        return Route(Kind.REFS, repo)
    if rest[0] not in _API_ENDS or len(rest) < 2:
        return Route(Kind.API, repo)
    revision, path = _revision_and_path(rest[1:])
    return Route(Kind(rest[0]), repo, revision, path or None)


def _parse_resolve_cache(segments: list[str]) -> Route:
    if segments[:1] and segments[0] in _TYPES:
        for at in (2, 3):
            if len(segments) > at + 1 and is_commit(segments[at]):
                repo = Repo(segments[0], "/".join(map(unquote, segments[1:at])))
                path = "/".join(map(unquote, segments[at + 1 :]))
                return Route(Kind.RESOLVE, repo, segments[at], path)
    return Route(Kind.API)


def _parse_v2(segments: list[str]) -> Route:
    if len(segments) == 4 and segments[2] in ("manifests", "blobs"):
        kind = Kind.MANIFEST if segments[2] == "manifests" else Kind.BLOB
        return Route(kind, Repo("models", "/".join(map(unquote, segments[:2]))), path=segments[3])
    return Route(Kind.OTHER)


def _parse_page(segments: list[str]) -> Route:
    type_ = "models"
    if segments[0] in _TYPES[1:]:
        type_, segments = segments[0], segments[1:]
    for at in (1, 2):
        if len(segments) > at and segments[at - 1].endswith(".git"):
            repo = Repo(type_, "/".join(map(unquote, segments[:at])).removesuffix(".git"))
            return _parse_git(repo, segments[at:])
        if len(segments) > at + 2 and segments[at] == "resolve":
            repo = Repo(type_, "/".join(map(unquote, segments[:at])))
            revision, path = _revision_and_path(segments[at + 1 :])
            return Route(Kind.RESOLVE, repo, revision, path) if path else Route(Kind.OTHER)
    return Route(Kind.OTHER)


def _parse_git(repo: Repo, segments: list[str]) -> Route:
    if segments == ["info", "lfs", "objects", "batch"]:
        return Route(Kind.LFS_BATCH, repo)
    if segments[:3] == ["info", "lfs", "objects"] and len(segments) == 4:
        return Route(Kind.LFS_OBJECT, repo, path=segments[3])
    return Route(Kind.GIT, repo)


def _revision_and_path(segments: list[str]) -> tuple[str, str]:
    """Clients escape the slashes of a revision; people write ``refs/pr/1`` as it is."""
    count = 3 if segments[0] == "refs" and segments[1:2] in (["pr"], ["convert"]) else 1
    revision = "/".join(map(unquote, segments[:count]))
    return revision, "/".join(map(unquote, segments[count:]))
