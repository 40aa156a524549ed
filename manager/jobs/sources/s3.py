"""Objects below a prefix of an S3 bucket: ``s3://bucket/prefix``.

Listed and signed through obstore, so that the keys stay with the manager: a node gets a URL that is good
for one object and one job's time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from dfcore.errors import BadInput, Denied, MeganeuraError, NotFound
from dfcore.ids import SIGNATURE_QUERY_PARAMS
from manager.jobs.files import Access, PlannedFile
from manager.jobs.sources.hub import matches
from manager.jobs.spec import PreheatSpec
from manager.jobs.targets import Targets

if TYPE_CHECKING:
    from obstore import ObjectMeta

_MARGIN_S = 3600.0
_MAX_SIGNED_S = 7 * 24 * 3600.0
_LIST_TIMEOUT_S = 300.0


def parse_keys(secret: str) -> dict[str, str]:
    """The keys of a secret: JSON with ``access_key_id`` and ``secret_access_key``, or ``id:key``."""
    text = secret.strip()
    if not text:
        return {}
    if text.startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            raise BadInput("the secret of this store is not JSON") from None
        known = ("access_key_id", "secret_access_key", "session_token")
        return {key: str(document[key]) for key in known if document.get(key)}
    key_id, colon, key = text.partition(":")
    if not colon:
        raise BadInput("the secret of this store must be access_key_id:secret_access_key")
    return {"access_key_id": key_id, "secret_access_key": key}


class S3Source:
    """The buckets of one endpoint, opened with one secret."""

    def __init__(
        self, targets: Targets, keys: Mapping[str, str], *, endpoint: str, region: str, for_s: float
    ) -> None:
        self._targets = targets
        self._keys = dict(keys)
        self._endpoint = endpoint
        self._region = region
        self._for_s = min(for_s + _MARGIN_S, _MAX_SIGNED_S)
        self._stores: dict[str, S3Store] = {}

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """The objects below each URL that the patterns leave."""
        if self._endpoint:
            await self._targets.check(self._endpoint)
        files: list[PlannedFile] = []
        for url in spec.urls:
            parts = urlsplit(url)
            prefix = parts.path.strip("/")
            if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
                raise BadInput(f"args.url: {url.partition('?')[0][:200]} is not s3://bucket/prefix")
            try:
                async with asyncio.timeout(_LIST_TIMEOUT_S):
                    found = await self._listed(parts.netloc, prefix)
            except (BaseError, OSError, ValueError) as error:
                raise _told(f"s3://{parts.netloc}/{prefix}", error) from error
            files += [
                _file(parts.netloc, entry)
                for entry in found
                if matches(_name(entry["path"], prefix), spec.include, spec.exclude)
            ]
        if not files:
            raise NotFound(f"{spec.urls[0]}: no objects")
        return files

    async def access(self, file: PlannedFile) -> Access:
        """A signed URL."""
        parts = urlsplit(file.url)
        key = file.url.removeprefix(f"s3://{parts.netloc}/")
        store = self._store(parts.netloc)
        try:
            url = await obstore.sign_async(store, "GET", key, timedelta(seconds=self._for_s))
        except (BaseError, ValueError) as error:
            raise _told(file.url, error) from error
        return Access(url, filtered_query_params=tuple(SIGNATURE_QUERY_PARAMS))

    async def _listed(self, bucket: str, prefix: str) -> list[ObjectMeta]:
        store = self._store(bucket)
        found: list[ObjectMeta] = []
        async for batch in obstore.list(store, prefix=prefix or None):
            found += cast("list[ObjectMeta]", batch)
        if not found and prefix:  # stores list what is below a prefix, the object itself is not
            found = [await obstore.head_async(store, prefix)]
        return [entry for entry in found if entry["size"] or not entry["path"].endswith("/")]

    def _store(self, bucket: str) -> S3Store:
        if bucket not in self._stores:
            plain = self._endpoint.startswith("http://")
            config: dict[str, Any] = {**self._keys}
            if self._endpoint:
                config["endpoint"] = self._endpoint
            config["region"] = self._region or "us-east-1"
            client: Any = {"allow_http": True} if plain else None
            try:
                self._stores[bucket] = S3Store(
                    bucket, config=cast("Any", config), client_options=client
                )
            except (BaseError, ValueError) as error:
                raise BadInput(f"s3://{bucket}: {_first_line(error)}") from error
        return self._stores[bucket]


def _file(bucket: str, entry: ObjectMeta) -> PlannedFile:
    return PlannedFile(
        name=entry["path"],
        url=f"s3://{bucket}/{entry['path']}",
        size_bytes=entry["size"],
        object_store=True,
    )


def _name(path: str, prefix: str) -> str:
    return path.removeprefix(prefix).lstrip("/") or path.rpartition("/")[2]


def _told(what: str, error: Exception) -> MeganeuraError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{what}: there is no such object")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return Denied(f"{what}: the store refuses these credentials")
    return MeganeuraError(f"{what}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
