"""What a listing consists of, and what a store must be able to do to be synchronised.

Keys are paths below the store's root, without a slash at the front; a directory's key ends with one.
Listings are in the order of the keys' UTF-8 bytes, which is the order of S3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """One object, file, directory (key ends with a slash) or symbolic link (`link` is its target)."""

    key: str
    size_bytes: int = 0
    mtime_ns: int = 0
    digest: str = ""
    """`sha256:…` of the content where the store knows it without reading."""
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    link: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory."""
        return self.key.endswith("/")

    @property
    def sort_key(self) -> bytes:
        """The key's place in a listing."""
        return self.key.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What is kept beside the bytes."""

    perms: bool = False
    inplace: bool = False


class Store(Protocol):
    """One side of a synchronisation. Thread-safe; errors are OSError or MeganeuraError."""

    @property
    def label(self) -> str:
        """The store's address as people may read it: no secrets."""
        ...

    def items(self, after: str = "") -> Iterator[Item]:
        """Everything below the root in the order of keys, beginning after a key."""
        ...

    def read(self, item: Item) -> Iterator[bytes]:
        """The content."""
        ...

    def write(self, item: Item, content: Iterator[bytes], options: WriteOptions) -> None:
        """Put an item in place, whole or not at all; directories and links have no content."""
        ...

    def delete(self, item: Item) -> None:
        """Remove an item; what is not there any more is no error."""
        ...

    def digest(self, item: Item) -> str:
        """`sha256:…` of the content, read if need be."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


Progress = Callable[[int], None]


class TakesBlocks(Protocol):
    """A store that can take an item from another by references, so that only missing blocks travel."""

    def take(self, source: Store, item: Item, options: WriteOptions, progress: Progress) -> bool:
        """Copy the item; False if it cannot be done this way. `progress` is told of bytes moved."""
        ...
