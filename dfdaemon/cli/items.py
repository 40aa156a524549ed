"""What is to be downloaded: the items that a URL stands for, and what the user wants of them. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from dfcore.digest import Digest
from dfcore.errors import BadInput, NotFound, OriginBroken
from dfdaemon.task.spec import Headers

DEFAULT_HUB = "https://huggingface.co"
DEFAULT_TIMEOUT_S = 7200.0

ReadDirectly = Callable[[int], AsyncIterator[bytes]]
"""Yields the bytes from an offset on, past the daemon."""


@dataclass(frozen=True)
class StorageOptions:
    """Access to an object store, beside what the environment says. Never shown."""

    region: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    access_key_secret: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    credential_path: Path | None = None


@dataclass(frozen=True)
class GetOptions:
    """What a user asked dfget for. ``output`` is a file, or a folder for what has several files."""

    url: str = field(repr=False)
    output: Path | None = None
    recursive: bool = False
    overwrite: bool = False
    force_hard_link: bool = False
    digest: Digest | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    tag: str = ""
    application: str = ""
    headers: Headers = field(default_factory=Headers)
    filtered_query_params: tuple[str, ...] = ()
    piece_length: int | None = None
    priority: int = 6
    disable_back_to_source: bool = False
    include_files: tuple[str, ...] = ()
    content: str | None = None
    no_progress: bool = False
    endpoint: Path | None = None
    concurrent: int = 4
    hf_endpoint: str = DEFAULT_HUB
    hf_token: str = field(default="", repr=False)
    storage: StorageOptions = field(default_factory=StorageOptions)


@dataclass(frozen=True)
class Item:
    """One file. ``name`` is its relative path; ``url`` may be signed, so it is never shown.

    ``content`` is the name that the Hub gives the content: its digest. Elsewhere tasks go by their
    URL, since a digest that only the requester claims vouches for no right to read. ``version`` tells
    one state of the content from the next, where that is known beforehand.
    """

    name: str
    url: str = field(repr=False)
    size_bytes: int | None = None
    digest: Digest | None = None
    content: str | None = None
    version: str | None = None
    headers: Headers = field(default_factory=Headers)
    filtered_query_params: tuple[str, ...] = ()
    object_store: bool = False
    read_directly: ReadDirectly | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Listing:
    """What a URL stands for. A ``single`` file goes to the output itself, others below it."""

    name: str
    items: tuple[Item, ...]
    single: bool

    def only(self, patterns: tuple[str, ...]) -> Listing:
        """The files whose relative path matches one of the patterns. Raises NotFound, BadInput."""
        if not patterns:
            return self
        if self.single:
            raise BadInput("--include-files chooses among several files, the URL names one")
        items = tuple(
            item
            for item in self.items
            if any(fnmatchcase(item.name, pattern.lstrip("/")) for pattern in patterns)
        )
        if not items:
            raise NotFound(f"{self.name}: no file matches --include-files")
        return Listing(self.name, items, single=False)


def safe_name(name: str) -> str:
    """The relative path of a file as an origin lists it; raises if it leads out of the folder."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise OriginBroken(
            f"the listing names the file {name[:200]!r}, which leads out of the folder"
        )
    return str(path)


def place(listing: Listing, output: Path | None) -> tuple[tuple[Item, Path], ...]:
    """Where each file goes, as absolute paths. Raises BadInput."""
    base = (output if output is not None else Path(listing.name)).absolute()
    if not listing.single:
        if base.exists() and not base.is_dir():
            raise BadInput(f"{base} is a file, and the URL names several files")
        return tuple((item, base / item.name) for item in listing.items)
    if output is not None and base.is_dir():
        base = base / PurePosixPath(listing.name).name
    if not base.name or base.is_dir():
        raise BadInput(f"{base} is a folder; name a file by --output")
    return ((listing.items[0], base),)
