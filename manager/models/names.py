"""Names of models, tags and files, and the revision of a list of files. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dfcore.errors import BadInput

MAX_FILES = 100_000
MODELS, HIDDEN = "models", ".meganeura"
"""The registry's folders in a volume."""
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a version."""

    path: str
    size_bytes: int
    digest: str


def model_name(org: str, name: str) -> str:
    """``org/name``. Raises BadInput."""
    if not _PART.fullmatch(org) or not _PART.fullmatch(name):
        raise BadInput(
            "a model is named org/name: letters, digits, '.', '_' and '-', at most 96 each"
        )
    return f"{org}/{name}"


def check_tag(tag: str) -> str:
    """The tag. Raises BadInput."""
    if not _TAG.fullmatch(tag):
        raise BadInput(
            "a tag has letters, digits, '.', '_' and '-', at most 128, no '.' at the front"
        )
    return tag


def is_revision(ref: str) -> bool:
    """Whether it may be the beginning of a revision."""
    return _REVISION.fullmatch(ref) is not None


def check_files(files: Sequence[FileEntry]) -> list[FileEntry]:
    """The files in the order of their paths. Raises BadInput for paths that lead elsewhere."""
    if not files:
        raise BadInput("files: a version has at least one file")
    if len(files) > MAX_FILES:
        raise BadInput(f"files: a version has at most {MAX_FILES}")
    seen: set[str] = set()
    for file in files:
        parts = file.path.split("/")
        if (
            not all(parts)
            or any(part in (".", "..") or len(part.encode()) > 255 for part in parts)
            or "\0" in file.path
            or len(file.path) > 2000
        ):
            raise BadInput(f"files: {file.path[:200]!r} is not a path inside of a model")
        if not _DIGEST.fullmatch(file.digest):
            raise BadInput(f"files: {file.path[:200]}: digest must be sha256: and 64 digits")
        if file.size_bytes < 0:
            raise BadInput(f"files: {file.path[:200]}: size_bytes is below 0")
        if file.path in seen:
            raise BadInput(f"files: {file.path[:200]} is named twice")
        seen.add(file.path)
    if sum(file.size_bytes for file in files) > 1 << 60:
        raise BadInput("files: all together they are larger than any volume")
    _check_no_file_is_a_folder(seen)
    return sorted(files, key=lambda file: file.path)


def check_import(path: str) -> str:
    """A folder that may become a version. BadInput for the registry's own, which would hold itself."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or "\0" in path:
        raise BadInput("path: must name a folder of the volume")
    if parts[0] in (MODELS, HIDDEN):
        raise BadInput(f"path: {parts[0]} is the registry's own: push or tag what is in it")
    return "/".join(parts)


def _check_no_file_is_a_folder(paths: set[str]) -> None:
    for path in paths:
        above = path
        while "/" in above:
            above = above.rpartition("/")[0]
            if above in paths:
                raise BadInput(f"files: {above[:200]} is a file and a folder")


def revision_of(files: Sequence[FileEntry]) -> str:
    """The digest of the list of files: equal content has equal revisions, on every volume."""
    listed = [[file.path, file.size_bytes, file.digest] for file in files]
    text = json.dumps(listed, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def folder_of(model: str) -> str:
    """The folder of a model in its volume."""
    return f"{MODELS}/{model}"


def version_folder(model: str, revision: str) -> str:
    """The folder of a version in its volume."""
    return f"{folder_of(model)}/.versions/{revision[:32]}"
