"""What the URL of a Download stands for: asked of its origin before anything held is served.

The requester's right is tried with the requester's own credentials; the origin says size and
validator (a Hub: the digest). So bytes that others brought here are given only to those who may
have them, and never when they are stale. hf:// URLs become download URLs of the Hub.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn
from urllib.parse import urlsplit

from dfcore.digest import Digest
from dfcore.errors import BadInput, MeganeuraError, OriginRefused
from dfcore.ids import blob_digest_in_url, filter_url
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import FileFact, headers_of
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.rights import UrlFact, UrlRights
from dfdaemon.hub.routes import resolve_path
from dfdaemon.hub.urls import HubUrl, hub_url_of_page, parse_hub_url
from dfdaemon.proxy.swarm import is_restricted
from dfdaemon.task.memory import VOLUME_SCHEME, volume_task
from dfdaemon.task.service import HubAnswer
from dfdaemon.task.spec import Headers, TaskSpec
from dfdaemon.task.spec_proto import from_download
from dfinfra.pb import common_pb2

FIRST_BYTE = {"Range": "bytes=0-0"}
# Names that a node gives by itself, to content that a right or a registry vouches for.
_NODES_OWN_NAME = re.compile(r"restricted \[|\S+ [a-z0-9-]+:[0-9a-f]+$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to open, and what the origin's headers say of the content.

    ``vouched``: its origin says that this content is what the name stands for. Otherwise the
    requester alone says so, and must not get by it what is not everybody's.
    """

    spec: TaskSpec
    vouched: bool
    headers: Mapping[str, str]


class Origins:
    """Asks the Hub through ``metadata`` and other origins through ``rights``."""

    def __init__(self, hub: HubConfig, metadata: HubMetadata, rights: UrlRights) -> None:
        self._hub = hub
        self._metadata = metadata
        self._rights = rights

    async def wanted(self, download: common_pb2.Download, *, by_digest: bool) -> Wanted:
        """The task of a Download. Raises BadInput, and OriginRefused with the origin's own answer.

        Its id is the one that Dragonfly computes; with ``by_digest``, a Hub's file that the
        requester gave no name goes by its digest instead.
        """
        if download.url.startswith(VOLUME_SCHEME):
            # Nobody finds a digest that was not told it, and only the volume's host has the bytes.
            told = replace(
                from_download(download), size_bytes=download.actual_content_length or None
            )
            return Wanted(volume_task(told), vouched=True, headers={})
        spec = _spec(download)
        page = self.hub_page(download.url, download.hugging_face)
        if page is None:
            return await self._by_url(spec)
        if not page.path:
            raise BadInput("the URL names a repository; a task is one of its files")
        return await self._by_hub(spec, page, by_digest=by_digest)

    def hub_page(self, url: str, hub: common_pb2.HuggingFace) -> HubUrl | None:
        """What of this node's Hub the URL means, None for a URL of another place."""
        scheme = url.partition("://")[0].lower()
        if scheme in ("http", "https"):
            return hub_url_of_page(url, self._hub.base)
        if scheme != "hf":
            raise BadInput("the URL must begin with http://, https:// or hf://")
        if hub.base_url and not self._is_our_hub(hub.base_url):
            raise BadInput(f"hugging_face.base_url: the Hub of this node is {self._hub.base}")
        page = parse_hub_url(url)
        if hub.revision and "@" not in url:
            return replace(page, revision=hub.revision)
        return page

    def _is_our_hub(self, base_url: str) -> bool:
        authority = urlsplit(base_url).netloc.lower()
        return base_url.rstrip("/") == self._hub.base or authority in self._hub.hosts

    async def fact(self, page: HubUrl, headers: Headers) -> FileFact:
        """What the file is, if the requester may read it. Raises OriginRefused."""
        asked = page.repo, page.revision, page.path, headers
        found = await self._metadata.file(*asked)
        if isinstance(found, HubAnswer):
            raise_refusal(await self._metadata.refusal(*asked))
        return found

    async def _by_hub(self, spec: TaskSpec, page: HubUrl, *, by_digest: bool) -> Wanted:
        fact = await self.fact(page, spec.request_headers)
        _check_same(spec.digest, fact.digest, "the Hub says that the file is")
        by_its_digest = str(fact.digest) if fact.digest else None
        named = spec.content
        return Wanted(
            replace(
                spec,
                url=self._hub.base + resolve_path(page.repo, fact.commit, page.path),
                content=named or (by_its_digest if by_digest else None) or _recipe(spec),
                digest=fact.digest or spec.digest,
                size_bytes=fact.size_bytes,
                restricted=not self._metadata.is_public(page.repo),
                validator=None if fact.digest else f'"{fact.etag}"',
            ),
            vouched=named is None or named == by_its_digest,
            headers=hub_headers(fact),
        )

    async def _by_url(self, spec: TaskSpec) -> Wanted:
        url, headers = spec.url, spec.request_headers
        restricted = spec.restricted or is_restricted(url, headers)
        named = spec.digest is not None
        try:
            fact = await self._rights.check(url, headers, immutable=named)
        except MeganeuraError as error:
            if not error.retryable or restricted:
                raise
            # Anybody may have it, and the swarm may hold it while the origin is away.
            fact = UrlFact()
        if fact is None:
            raise_refusal(await self._metadata.ask("GET", url, {**headers, **FIRST_BYTE}))
        spec = replace(
            spec,
            size_bytes=fact.size_bytes,
            restricted=restricted,
            validator=None if named else fact.validator,
        )
        return Wanted(spec, vouched=spec.content is None, headers=url_headers(fact))


def raise_refusal(answer: HubAnswer) -> NoReturn:
    """Raise what the origin answered."""
    raise OriginRefused(answer.status, dict(answer.headers), answer.body)


def hub_headers(fact: FileFact) -> dict[str, str]:
    """What the Hub says of a file, by lower-case names."""
    return {name.lower(): value for name, value in headers_of(fact)}


def url_headers(fact: UrlFact) -> dict[str, str]:
    """What an origin says of a URL's content, by lower-case names."""
    told = {
        "content-type": fact.content_type,
        "etag": fact.etag,
        "last-modified": fact.last_modified,
    }
    return {name: value for name, value in told.items() if value}


def credentialed(headers: dict[str, str], hub: common_pb2.HuggingFace) -> Headers:
    """The requester's headers for the origin, with the Hub token if one was given.

    Without Range: what is asked of the origin is ours to choose.
    """
    kept = {name: value for name, value in headers.items() if name.lower() != "range"}
    if hub.token and not any(name.lower() == "authorization" for name in kept):
        kept["Authorization"] = f"Bearer {hub.token}"
    return Headers(kept)


def _spec(download: common_pb2.Download) -> TaskSpec:
    spec = from_download(download)
    store = download.HasField("object_storage") or download.HasField("hdfs")
    return replace(
        spec,
        request_headers=credentialed(dict(download.request_header), download.hugging_face),
        digest=_digest(spec),
        restricted=spec.restricted or store,
    )


def _digest(spec: TaskSpec) -> Digest | None:
    """What the content must be: a name that is a digest, or holds one, is no empty word."""
    named = None
    if spec.content is not None:
        if _NODES_OWN_NAME.match(spec.content):
            raise BadInput("content_for_calculating_task_id: names like this are a node's own")
        named = _digest_in(spec.content)
    elif spec.blob_digest_id:
        named = blob_digest_in_url(spec.url)
        if named is not None and named.algorithm != "sha256":
            raise BadInput(f"a {named.algorithm} digest is too long for a task id")
    _check_same(spec.digest, named, "the task is named by")
    return named or spec.digest


def _check_same(asked: Digest | None, told: Digest | None, says: str) -> None:
    if asked and told and asked.algorithm == told.algorithm and asked != told:
        raise BadInput(f"digest {asked}: {says} {told}")


def _digest_in(name: str) -> Digest | None:
    try:
        return Digest.parse(name)
    except BadInput:
        return None


def _recipe(spec: TaskSpec) -> str | None:
    """What Dragonfly hashes for the id of a task by its URL (dragonflyoss/client, id_generator).

    As the name of the content it keeps the id where the bytes come from another URL.
    """
    if spec.blob_digest_id and blob_digest_in_url(spec.url) is not None:
        return None
    url = filter_url(spec.url, spec.filtered_query_params)
    length = "" if spec.piece_length is None else str(spec.piece_length)
    return f"{url}{spec.tag}{spec.application}{spec.revision}{length}STANDARD"
