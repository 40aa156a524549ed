"""Object stores of the obstore library: S3 and what speaks it, GCS, Azure, HTTP, memory.

Calls block in Rust with the interpreter's lock released; bodies are not copied into Python. The
library's own retries are off: whoever calls retries, within its own limits and with a log line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore import exceptions as told
from obstore.store import (
    AzureStore,
    GCSStore,
    HTTPStore,
    MemoryStore,
    S3Store,
)

from dfcore.errors import MeganeuraError, NotFound
from dffs.object.errors import from_library_error
from dffs.object.store import ObjectInfo

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Backend = AzureStore | GCSStore | HTTPStore | MemoryStore | S3Store

T = TypeVar("T")

#: The server has understood the request, and does not want it.
_REFUSED = re.compile(r"\b(?P<code>400|501)\b (?:Bad Request|Not Implemented)", re.I)
_ERRORS = (told.BaseError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for one request, and for its connection to come about."""

    request_s: float = 60.0
    connect_s: float = 10.0

    def client_options(self) -> dict[str, Any]:
        """As the library takes them."""
        return {
            "timeout": timedelta(seconds=self.request_s),
            "connect_timeout": timedelta(seconds=self.connect_s),
            "allow_http": True,
            "pool_max_idle_per_host": "64",
        }


#: What every backend is made with.
NO_RETRIES: dict[str, Any] = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}


class RemoteStore:
    """One bucket. `url` is what may be shown of it.

    `plainer` makes a backend for servers that refuse what the first one adds to a PUT. `listed_below`
    is what the backend's listings put before every name.
    """

    def __init__(
        self,
        backend: Backend,
        url: str,
        plainer: Callable[[], Backend] | None = None,
        *,
        listed_below: str = "",
    ) -> None:
        self._backend = backend
        self._url = url
        self._plainer = plainer
        self._listed_below = listed_below
        # Some servers that speak S3 do not know If-None-Match: those are asked first.
        self._asks_first = False

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self._url

    def put(self, name: str, data: Buffer, *, create: bool = False) -> bool:
        """See ObjectStore."""
        if create and self._asks_first:
            if self.head(name) is not None:
                return False
            create = False
        try:
            obstore.put(
                self._backend,
                name,
                data,
                mode="create" if create else "overwrite",
                use_multipart=False,
            )
        except told.AlreadyExistsError:
            return False
        except told.PreconditionError:
            return False
        except (told.NotSupportedError, NotImplementedError):
            return self._without_conditions(name, data, create=create)
        except _ERRORS as error:
            return self._put_otherwise(name, data, create=create, error=error)
        self._plainer = None  # it takes what we send
        return True

    def _put_otherwise(self, name: str, data: Buffer, *, create: bool, error: Exception) -> bool:
        """The server refused: once more without what it may not know, if there is such a thing."""
        refused = _REFUSED.search(str(error))
        if refused and self._plainer is not None:
            self._backend, self._plainer = self._plainer(), None
            return self.put(name, data, create=create)
        if refused and refused["code"] == "501" and create and not self._asks_first:
            return self._without_conditions(name, data, create=create)
        raise from_library_error(error, name) from None

    def _without_conditions(self, name: str, data: Buffer, *, create: bool) -> bool:
        if not create:
            raise MeganeuraError(f"{self._url} does not take objects")
        self._asks_first = True
        return self.put(name, data, create=True)

    def get(self, name: str) -> Buffer:
        """See ObjectStore."""
        return self._call(name, lambda: obstore.get(self._backend, name).bytes())

    def get_range(self, name: str, offset: int, length: int) -> Buffer:
        """See ObjectStore."""
        return self._call(
            name, lambda: obstore.get_range(self._backend, name, start=offset, length=length)
        )

    def head(self, name: str) -> ObjectInfo | None:
        """See ObjectStore."""
        try:
            return _info(self._call(name, lambda: obstore.head(self._backend, name)))
        except NotFound:
            return None

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        below = self._listed_below
        offset = below + after if after else None
        stream = iter(obstore.list(self._backend, prefix.rstrip("/") or None, offset=offset))
        while True:
            try:
                chunk = next(stream, None)
            except _ERRORS as error:
                raise from_library_error(error, prefix or "/") from None
            if chunk is None:
                return
            yield from (_info(meta, below) for meta in chunk)

    def delete(self, names: Iterable[str]) -> None:
        """See ObjectStore."""
        chosen = list(names)
        try:
            obstore.delete(self._backend, chosen)
        except FileNotFoundError:
            # The memory store minds; the others of the batch may be left.
            for name in chosen:
                self._delete_one(name)
        except _ERRORS as error:
            raise from_library_error(error, chosen[0] if chosen else "") from None

    def _delete_one(self, name: str) -> None:
        try:
            self._call(name, lambda: obstore.delete(self._backend, name))
        except NotFound:
            return

    def sync(self, names: Iterable[str]) -> None:
        """An answered PUT is durable."""

    def close(self) -> None:
        """Connections go with the object."""

    def _call(self, name: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except _ERRORS as error:
            raise from_library_error(error, name) from None


def _info(meta: Any, below: str = "") -> ObjectInfo:
    modified = meta["last_modified"]
    when = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
    return ObjectInfo(str(meta["path"]).removeprefix(below), int(meta["size"]), when.timestamp())
