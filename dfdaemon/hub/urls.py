"""URLs of the Hub that people and tools type: hf:// and download pages. Pure.

dfget reads them, and the RPC services of a node, for other tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from dfcore.errors import BadInput
from dfdaemon.hub.routes import Kind, Repo, parse

_TYPES = ("models", "datasets", "spaces", "kernels")


@dataclass(frozen=True)
class HubUrl:
    """``hf://[models|datasets/|spaces/]owner/repo[@rev][/path]``; an empty path is the whole."""

    repo: Repo
    revision: str
    path: str


def parse_hub_url(url: str) -> HubUrl:
    """Read an hf:// URL. A revision's slashes are written as they are in refs/pr/1, else as %2F."""
    if not url.startswith("hf://") or "?" in url or "#" in url:
        raise BadInput(f"{_bare(url)} is not hf://[datasets/|spaces/]owner/repo[@rev][/path]")
    segments = url.removeprefix("hf://").rstrip("/").split("/")
    type_ = "models"
    if segments[0] in _TYPES:
        type_, segments = segments[0], segments[1:]
    if "@" in "".join(segments[:1]) or len(segments) == 1:
        id_segments, rest = segments[:1], segments[1:]  # an old repository without an owner
    else:
        id_segments, rest = segments[:2], segments[2:]
    name, at, revision = (id_segments[-1] if id_segments else "").partition("@")
    if at and revision == "refs" and rest[:1] in (["pr"], ["convert"]) and len(rest) > 1:
        revision, rest = "/".join((revision, *rest[:2])), rest[2:]
    id_ = "/".join((*id_segments[:-1], name))
    if not all(id_.split("/")) or (at and not revision) or not all(rest):
        raise BadInput(f"{_bare(url)} is not hf://[datasets/|spaces/]owner/repo[@rev][/path]")
    return HubUrl(Repo(type_, id_), unquote(revision) if at else "main", "/".join(rest))


def hub_url_of_page(url: str, base: str) -> HubUrl | None:
    """The file that a download page of the Hub at ``base`` means, None for any other URL."""
    if not url.startswith(f"{base}/") or "?" in url.replace("?download=true", ""):
        return None
    route = parse(urlsplit(url).path.removeprefix(urlsplit(base).path))
    if route.kind is not Kind.RESOLVE or not (route.repo and route.revision and route.path):
        return None
    return HubUrl(route.repo, route.revision, route.path)


def _bare(url: str) -> str:
    return url.partition("?")[0][:200]


def name_at_hub(base: str, url: str) -> str:
    """What a URL is about, for choosing the seed that knows it: its repository, if it has one.

    What a seed learns of one file (who may read, which files there are) holds for all of its
    repository, so one seed is asked for all of them.
    """
    path = url.partition("?")[0]
    if path.startswith(f"{base}/") and (repo := parse(path[len(base) :]).repo) is not None:
        return f"{repo.type}/{repo.id}"
    return path
