"""An object store, through obstore, as one side of a synchronisation.

Addresses: `s3://bucket/prefix`, `gs://…`, `az://…` with the usual environment variables, and
`s3+http://[KEY:SECRET@]host:port/bucket/prefix` (`minio://` as well) for servers that speak S3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import obstore
from obstore import exceptions as told
from obstore.store import S3Store, from_url

from dfcore.errors import BadInput
from dffs.object.errors import from_library_error
from dffs.sync.items import Item, WriteOptions

SCHEMES = ("s3", "gs", "az", "azure", "s3+http", "s3+https", "minio", "memory")
_PART_BYTES = 8 << 20
_PARTS = 9000
_ERRORS = (told.BaseError, OSError, ValueError)
_CLIENT: dict[str, Any] = {"allow_http": True, "timeout": timedelta(seconds=300)}
_RETRY: dict[str, Any] = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}


class ObjectTree:
    """The objects below a prefix."""

    def __init__(self, backend: Any, label: str, prefix: str = "") -> None:
        self._backend = backend
        self._label = label
        self._prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

    @property
    def label(self) -> str:
        """Scheme, bucket and prefix."""
        return self._label

    def items(self, after: str = "") -> Iterator[Item]:
        """See Store."""
        offset = self._prefix + after if after else None
        try:
            # What S3, GCS and Azure give is sorted by key already; the planner checks that.
            for batch in obstore.list(self._backend, self._prefix or None, offset=offset):
                for meta in sorted(batch, key=lambda one: one["path"].encode()):
                    yield Item(
                        meta["path"].removeprefix(self._prefix),
                        meta["size"],
                        int(meta["last_modified"].timestamp() * 1e9),
                    )
        except _ERRORS as error:
            raise from_library_error(error, self._prefix) from error

    def read(self, item: Item) -> Iterator[bytes]:
        """See Store."""
        try:
            for data in obstore.get(self._backend, self._prefix + item.key).stream(4 << 20):
                yield bytes(data)
        except _ERRORS as error:
            raise from_library_error(error, item.key) from error

    def write(self, item: Item, content: Iterator[bytes], options: WriteOptions) -> None:
        """See Store. There are no directories, and links only as what they lead to."""
        if item.is_directory:
            return
        if item.link:
            raise BadInput(f"{item.key}: an object store has no symbolic links")
        part = max(_PART_BYTES, -(-item.size_bytes // _PARTS))
        name = self._prefix + item.key
        try:
            if item.size_bytes <= part:
                obstore.put(self._backend, name, b"".join(content), use_multipart=False)
            else:
                obstore.put(self._backend, name, content, chunk_size=part, max_concurrency=4)
        except _ERRORS as error:
            raise from_library_error(error, item.key) from error

    def delete(self, item: Item) -> None:
        """See Store."""
        if item.is_directory:
            return
        try:
            obstore.delete(self._backend, self._prefix + item.key)
        except FileNotFoundError:
            return
        except _ERRORS as error:
            raise from_library_error(error, item.key) from error

    def digest(self, item: Item) -> str:
        """See Store."""
        hasher = hashlib.sha256()
        for data in self.read(item):
            hasher.update(data)
        return f"sha256:{hasher.hexdigest()}"

    def close(self) -> None:
        """Connections close with the process."""


def open_objects(url: str) -> ObjectTree:
    """The tree at an address. Raises BadInput; secrets of the address are in no message."""
    parts = urlsplit(url)
    try:
        if parts.scheme in ("s3+http", "s3+https", "minio"):
            return _s3_at(parts)
        options: Any = {"client_options": _CLIENT, "retry_config": _RETRY}
        backend = from_url(f"{parts.scheme}://{parts.netloc}", **options)
    except _ERRORS as error:
        raise BadInput(f"{parts.scheme}://…: {from_library_error(error, '')}") from None
    prefix = parts.path.lstrip("/")
    return ObjectTree(backend, f"{parts.scheme}://{parts.netloc}/{prefix}", prefix)


def _s3_at(parts: SplitResult) -> ObjectTree:
    host = parts.netloc.rpartition("@")[2]
    bucket, _, prefix = parts.path.lstrip("/").partition("/")
    if not bucket or not host:
        raise BadInput(f"{parts.scheme}://: an address is {parts.scheme}://host:port/bucket/prefix")
    scheme = "https" if parts.scheme == "s3+https" else "http"
    options: dict[str, Any] = {"endpoint": f"{scheme}://{host}", "region": "us-east-1"}
    if parts.username:
        options["access_key_id"] = unquote(parts.username)
        options["secret_access_key"] = unquote(parts.password or "")
    backend = S3Store(
        bucket,
        config=options,  # type: ignore[arg-type]
        client_options=_CLIENT,  # type: ignore[arg-type]
        retry_config=_RETRY,  # type: ignore[arg-type]
    )
    return ObjectTree(backend, f"{parts.scheme}://{host}/{bucket}/{prefix}", prefix)
