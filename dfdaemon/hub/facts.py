"""What the Hub says about one file: its commit, name, size and digest. Pure.

Made from the headers of a HEAD (huggingface_hub's ``get_hf_file_metadata`` reads the same ones) or
from an entry of a tree listing; kept by ``metadata``, turned into answers by ``mirror``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dfcore.digest import Digest

Pairs = tuple[tuple[str, str], ...]

_HEX64 = re.compile(r"[0-9a-f]{64}")
_HEX40 = re.compile(r"[0-9a-f]{40}")
# Headers of the Hub's answer that belong to that one answer or are said anew by the mirror.
_NOT_KEPT = frozenset(
    {
        "age",
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "etag",
        "keep-alive",
        "link",
        "location",
        "set-cookie",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-linked-etag",
        "x-linked-size",
        "x-repo-commit",
        "x-xet-hash",
        "x-xet-refresh-route",
    }
)


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file of one commit. ``etag`` is unquoted: clients name the cached file by it.

    ``headers`` are the other headers of the Hub's answer, to be repeated. ``location`` is where the
    Hub sent us on: it may be signed, so it is never shown.
    """

    commit: str
    etag: str
    size_bytes: int
    linked: bool = False
    xet_hash: str | None = None
    headers: Pairs = ()
    location: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> Digest | None:
        """SHA-256 of an LFS file, git's SHA-1 of a regular one, as the ETag's length tells."""
        if _HEX64.fullmatch(self.etag):
            return Digest("sha256", self.etag)
        if _HEX40.fullmatch(self.etag):
            return Digest("git-sha1", self.etag)
        return None


def unquote_etag(value: str) -> str:
    """An ETag without quotes and weakness mark."""
    return value.strip().removeprefix("W/").strip('"')


def header(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first header of this name, whatever its case."""
    return next((value for key, value in pairs if key.lower() == name), None)


def fact_from_answer(status: int, pairs: Iterable[tuple[str, str]]) -> FileFact | None:
    """The fact a HEAD's answer states, None if it does not state all of it."""
    pairs = tuple(pairs)
    commit = header(pairs, "x-repo-commit")
    linked_etag, linked_size = header(pairs, "x-linked-etag"), header(pairs, "x-linked-size")
    redirected = 300 <= status < 400
    # The ETag and length of a redirect are those of the redirect's own body.
    etag = linked_etag or (None if redirected else header(pairs, "etag"))
    size = linked_size or (None if redirected else header(pairs, "content-length"))
    if not commit or not etag or size is None or not size.isdigit():
        return None
    dropped = _NOT_KEPT | {"content-type"} if redirected else _NOT_KEPT
    return FileFact(
        commit=commit,
        etag=unquote_etag(etag),
        size_bytes=int(size),
        linked=linked_etag is not None,
        xet_hash=header(pairs, "x-xet-hash"),
        headers=tuple((k, v) for k, v in pairs if k.lower() not in dropped),
        location=header(pairs, "location") if redirected else None,
    )


def facts_from_entries(commit: str, entries: object) -> Iterable[tuple[str, FileFact]]:
    """Path and fact of each file in a tree or paths-info answer; anything odd is left out."""
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("type") == "file":
            fact = _fact_from_entry(commit, entry)
            if fact is not None and isinstance(entry.get("path"), str):
                yield entry["path"], fact


def _fact_from_entry(commit: str, entry: Mapping[str, Any]) -> FileFact | None:
    lfs = entry.get("lfs")
    linked = isinstance(lfs, Mapping)
    etag = lfs.get("oid") if isinstance(lfs, Mapping) else entry.get("oid")
    size = entry.get("size")
    if not isinstance(etag, str) or not isinstance(size, int) or size < 0:
        return None
    etag = etag.removeprefix("sha256:")
    if not (_HEX64 if linked else _HEX40).fullmatch(etag):
        return None
    xet_hash = entry.get("xetHash")
    return FileFact(
        commit, etag, size, linked=linked, xet_hash=xet_hash if isinstance(xet_hash, str) else None
    )


def headers_of(fact: FileFact) -> list[tuple[str, str]]:
    """The headers that state this fact in an answer of 200, Content-Length aside."""
    stated = [("X-Repo-Commit", fact.commit), ("ETag", f'"{fact.etag}"')]
    if fact.linked:
        stated += [("X-Linked-Etag", f'"{fact.etag}"'), ("X-Linked-Size", str(fact.size_bytes))]
    if header(fact.headers, "accept-ranges") is None:
        stated.append(("Accept-Ranges", "bytes"))
    return [*fact.headers, *stated]
