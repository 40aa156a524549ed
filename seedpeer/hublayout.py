"""Where a blob of the Hub lies in a volume: the layout of huggingface_hub's cache. Pure.

    models--org--name/blobs/<etag>                       the bytes
    models--org--name/snapshots/<commit>/<path>          a relative link to them
    models--org--name/refs/<revision>                    the commit that a branch or tag is at

After huggingface_hub's file_download.py (repo_folder_name, _create_symlink). What is not of a Hub lies
under blobs/<algorithm>/<digest>.
"""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import dirname

from dfcore.digest import Digest
from dfdaemon.hub.routes import is_commit
from dfdaemon.hub.urls import HubUrl


@dataclass(frozen=True, slots=True)
class Place:
    """``blob`` and ``snapshot`` are paths in the volume, ``target`` what the link says."""

    blob: str
    snapshot: str = ""
    target: str = ""
    refs: str = ""


def repo_folder(page: HubUrl) -> str:
    """``models--org--name``."""
    return "--".join((page.repo.type, *page.repo.id.split("/")))


def place_of(page: HubUrl | None, digest: Digest) -> Place:
    """Where a blob goes. A file asked for by another name than a commit has no snapshot."""
    if page is None:
        return Place(f"blobs/{digest.algorithm}/{digest.value}")
    folder = repo_folder(page)
    blob = f"{folder}/blobs/{digest.value}"
    if not is_commit(page.revision) or ".." in page.path.split("/"):
        return Place(blob)
    snapshot = f"{folder}/snapshots/{page.revision}/{page.path}"
    depth = dirname(snapshot).count("/")  # folders between the link and the repository's folder
    return Place(blob, snapshot, f"{'../' * depth}blobs/{digest.value}", f"{folder}/refs")
