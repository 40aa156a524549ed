"""ListTaskEntries: what a URL leads to, before it is downloaded.

A file: its length and the origin's headers. A repository of the Hub or a folder in it: its files,
as hf:// URLs. An origin that refuses says so in ``status_code``, as Dragonfly's daemon tells it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

from dfcore.errors import BadInput, OriginBroken, OriginRefused
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import FileFact, facts_from_entries
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.rewrite import next_link
from dfdaemon.hub.rights import UrlRights
from dfdaemon.hub.routes import tree_path
from dfdaemon.hub.urls import HubUrl
from dfdaemon.rpc.origins import (
    FIRST_BYTE,
    Origins,
    credentialed,
    hub_headers,
    raise_refusal,
    url_headers,
)
from dfdaemon.task.service import HubAnswer
from dfdaemon.task.spec import Headers
from dfinfra.pb import dfdaemon_pb2 as pb


class Entries:
    """Asks the Hub through ``metadata``, whose answers the cluster shares, others through ``rights``."""

    def __init__(
        self, hub: HubConfig, metadata: HubMetadata, rights: UrlRights, origins: Origins
    ) -> None:
        self._hub = hub
        self._metadata = metadata
        self._rights = rights
        self._origins = origins

    async def list(self, request: pb.ListTaskEntriesRequest) -> pb.ListTaskEntriesResponse:
        """Raises BadInput for what is not fetched here."""
        headers = credentialed(dict(request.request_header), request.hugging_face)
        page = self._origins.hub_page(request.url, request.hugging_face)
        try:
            if page is None:
                return await self._url(request.url, headers)
            if page.path and request.url.startswith("http"):
                return _file(await self._origins.fact(page, headers))
            return await self._of_hub(page, headers, request.url)
        except OriginRefused as refused:
            told = {name.lower(): value for name, value in refused.headers.items()}
            return pb.ListTaskEntriesResponse(status_code=refused.status, response_header=told)

    async def _url(self, url: str, headers: Headers) -> pb.ListTaskEntriesResponse:
        fact = await self._rights.check(url, headers)
        if fact is None:
            raise_refusal(await self._metadata.ask("GET", url, {**headers, **FIRST_BYTE}))
        headers_told = url_headers(fact)
        if fact.size_bytes is not None:
            headers_told["content-length"] = str(fact.size_bytes)
        return pb.ListTaskEntriesResponse(
            status_code=200,
            content_length=fact.size_bytes or 0,
            response_header=headers_told,
        )

    async def _of_hub(self, page: HubUrl, headers: Headers, url: str) -> pb.ListTaskEntriesResponse:
        """A file if the path names one, else the files below it."""
        commit = await self._commit(page, headers)
        response = pb.ListTaskEntriesResponse(status_code=200)
        async for path, fact in self._files(page, commit, headers):
            if path == page.path:
                return _file(await self._origins.fact(page, headers))
            if not page.path or path.startswith(f"{page.path}/"):
                entry_url = _entry_url(page, url, path)
                response.entries.add(url=entry_url, content_length=fact.size_bytes)
        if page.path and not response.entries:
            return _file(await self._origins.fact(page, headers))  # the Hub says what is wrong
        return response

    async def _commit(self, page: HubUrl, headers: Headers) -> str:
        target = f"/api/{page.repo.type}/{page.repo.id}/revision/{quote(page.revision, safe='')}"
        document = _json(await self._metadata.ask("GET", self._hub.base + target, headers))
        commit = document.get("sha") if isinstance(document, dict) else None
        if not isinstance(commit, str):
            raise OriginBroken("the Hub does not say which commit the revision is")
        return commit

    async def _files(
        self, page: HubUrl, commit: str, headers: Headers
    ) -> AsyncIterator[tuple[str, FileFact]]:
        url: str | None = self._hub.base + tree_path(page.repo, commit)
        while url and url.startswith(f"{self._hub.base}/"):
            answer = await self._metadata.ask("GET", url, headers)
            for path, fact in facts_from_entries(commit, _json(answer)):
                yield path, fact
            url = next_link(answer.headers)


def _file(fact: FileFact) -> pb.ListTaskEntriesResponse:
    return pb.ListTaskEntriesResponse(
        status_code=200, content_length=fact.size_bytes, response_header=hub_headers(fact)
    )


def _entry_url(page: HubUrl, asked: str, path: str) -> str:
    """As the requester wrote it: with the revision if the URL named one."""
    revision = f"@{quote(page.revision, safe='')}" if "@" in asked else ""
    return f"hf://{page.repo.prefix}{page.repo.id}{revision}/{path}"


def _json(answer: HubAnswer) -> object:
    if answer.status >= 300:
        raise_refusal(answer)
    try:
        return json.loads(answer.body)
    except ValueError:
        raise BadInput("the Hub's answer is not JSON; is hub.endpoint a Hub?") from None
