"""s3:// and gs:// URLs: objects, listed and signed through obstore.

The daemon gets a signed URL, so that keys never leave this process. Where a store cannot sign (an
anonymous one, short-lived platform credentials) dfget reads through obstore itself, past the swarm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import GCSStore, S3Store

from dfcore.errors import BadInput, Denied, MeganeuraError, NotFound
from dfcore.ids import SIGNATURE_QUERY_PARAMS
from dfdaemon.cli.items import GetOptions, Item, Listing, StorageOptions, safe_name

if TYPE_CHECKING:
    from obstore import ObjectMeta

_SIGNED_MARGIN_S = 3600.0
_MAX_SIGNED_S = 7 * 24 * 3600.0
_READ_BYTES = 4 << 20

Store = S3Store | GCSStore


async def list_objects(options: GetOptions) -> Listing:
    """The object that the URL names, or with --recursive all below it."""
    parts = urlsplit(options.url)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if not bucket or parts.query or parts.fragment or "@" in bucket:
        raise BadInput(f"{parts.scheme}://{bucket}{parts.path} is not {parts.scheme}://bucket/key")
    if not key and not options.recursive:
        raise BadInput(f"{parts.scheme}://{bucket} names a bucket; --recursive downloads it")
    store = _open(parts.scheme, bucket, options.storage)
    where = f"{parts.scheme}://{bucket}"
    try:
        if not options.recursive:
            found = await obstore.head_async(store, key)
            items = [await _item(store, where, found, PurePosixPath(key).name, options)]
            return Listing(PurePosixPath(key).name, tuple(items), single=True)
        return await _list(store, where, key.rstrip("/"), options)
    except (BaseError, OSError, ValueError) as error:
        raise _told(f"{where}/{key}", error) from error


async def _list(store: Store, where: str, prefix: str, options: GetOptions) -> Listing:
    items = []
    async for batch in obstore.list(store, prefix=f"{prefix}/" if prefix else None):
        for found in cast("list[ObjectMeta]", batch):
            name = found["path"].removeprefix(prefix).lstrip("/")
            if name:
                items.append(await _item(store, where, found, safe_name(name), options))
    if not items:
        raise NotFound(f"{where}/{prefix}: no objects")
    name = PurePosixPath(prefix).name or urlsplit(where).netloc
    return Listing(name, tuple(items), single=False)


async def _item(
    store: Store, where: str, found: ObjectMeta, name: str, options: GetOptions
) -> Item:
    key = found["path"]
    version = found["e_tag"] or str(found["last_modified"])
    return Item(
        name=name,
        url=await _signed(store, key, options.timeout_s),
        size_bytes=found["size"],
        version=f"{where}/{key}#{version}",
        filtered_query_params=SIGNATURE_QUERY_PARAMS,
        object_store=True,
        read_directly=lambda offset: _read(store, where, found, offset),
    )


async def _signed(store: Store, key: str, timeout_s: float) -> str:
    """A URL for as long as the download may last, empty if the store cannot sign."""
    for_s = min(timeout_s + _SIGNED_MARGIN_S, _MAX_SIGNED_S)
    try:
        return await obstore.sign_async(store, "GET", key, timedelta(seconds=for_s))
    except (BaseError, ValueError):
        return ""


async def _read(store: Store, where: str, found: ObjectMeta, offset: int) -> AsyncIterator[bytes]:
    key = found["path"]
    options: dict[str, Any] = {"range": {"offset": offset}} if offset else {}
    if found["e_tag"]:
        options["if_match"] = found["e_tag"]
    try:
        result = await obstore.get_async(store, key, options=cast("Any", options))
        async for block in result.stream(min_chunk_size=_READ_BYTES):
            yield bytes(block)
    except (BaseError, OSError) as error:
        raise _told(f"{where}/{key}", error) from error


def _open(scheme: str, bucket: str, options: StorageOptions) -> Store:
    """The bucket, with what the environment of its cloud's own tools says unless told otherwise."""
    plain = (options.endpoint or "").startswith("http://")
    client: Any = {"allow_http": True} if plain else None
    try:
        if scheme == "gs":
            key_file = str(options.credential_path) if options.credential_path else None
            config = _set({"service_account": key_file})
            return GCSStore(bucket, config=config, client_options=client)
        return S3Store(
            bucket,
            config=_set(
                {
                    "region": options.region,
                    "endpoint": options.endpoint,
                    "access_key_id": options.access_key_id,
                    "secret_access_key": options.access_key_secret,
                    "session_token": options.session_token,
                }
            ),
            client_options=client,
        )
    except (BaseError, ValueError) as error:
        raise BadInput(f"{scheme}://{bucket}: {_first_line(error)}") from error


def _set(config: Mapping[str, str | None]) -> Any:
    return {key: value for key, value in config.items() if value}


def _told(what: str, error: Exception) -> MeganeuraError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{what}: there is no such object")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return Denied(f"{what}: the store refuses these credentials")
    return MeganeuraError(f"{what}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
