"""What a volume asks of an object store. Implemented by `directory.py` and `remote.py`.

Calls block: they belong on threads. Names are `/`-separated, relative to the bucket. Errors are
MeganeuraErrors: NotFound, Denied, Unauthorized, NoSpace, Unavailable and TimedOut (these two are worth
another try), BadInput for a bucket that cannot be; none of them holds a credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing; `modified` is seconds since the epoch."""

    name: str
    size_bytes: int
    modified: float


class ObjectStore(Protocol):
    """A bucket. One attempt per call: whoever calls retries."""

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        ...

    def put(self, name: str, data: Buffer, *, create: bool = False) -> bool:
        """Store an object as a whole or not at all.

        With `create` an object that exists stays, and False is returned.
        """
        ...

    def get(self, name: str) -> Buffer:
        """The content of an object. NotFound."""
        ...

    def get_range(self, name: str, offset: int, length: int) -> Buffer:
        """A part of an object; fewer bytes at its end."""
        ...

    def head(self, name: str) -> ObjectInfo | None:
        """What a listing says of it; None if there is none."""
        ...

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """Every object below the prefix (a folder name that ends with `/`, or nothing), those whose
        names come after `after`. Not sorted everywhere."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        ...

    def sync(self, names: Iterable[str]) -> None:
        """Return when these objects survive a power cut. A no-op where put() promises that."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...
