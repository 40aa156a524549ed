"""Downloads that the swarm carries by their URL: CDN links and what a rule names.

Makes a task of such a request, after the origin has granted this URL with these credentials
(``hub.rights``). A refusal is not answered here: the request is passed on, and the origin says it
in its own words. Called by the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from dfcore.digest import Digest
from dfcore.errors import MeganeuraError
from dfcore.ids import (
    DEFAULT_FILTERED_QUERY_PARAMS,
    blob_digest_in_url,
    filter_url,
    is_signed,
)
from dfdaemon.hub.replies import Pass, Reply, Serve
from dfdaemon.hub.rights import UrlFact, UrlRights
from dfdaemon.proxy.headers import DragonflyHeaders, for_shared_download
from dfdaemon.proxy.rules import Route, Way
from dfdaemon.task.spec import Headers, TaskSpec

# The old storage of the Hub names its objects by their SHA-256; what newer hosts have there may be
# the Xet hash, which says nothing about the bytes.
_SHA256_PATH = re.compile(r"^/(?:repos/)?.*/([0-9a-f]{64})$")


@dataclass(frozen=True, slots=True)
class Download:
    """A GET that may become a task."""

    route: Route
    headers: Mapping[str, str] = field(repr=False)
    wishes: DragonflyHeaders


class SwarmDoor:
    """``rights`` asks the origin; ``hub_base`` and ``filtered_params`` are of the configuration."""

    def __init__(
        self, rights: UrlRights, *, hub_base: str, filtered_params: tuple[str, ...] = ()
    ) -> None:
        self._rights = rights
        self._hub_base = hub_base
        self._filtered_params = filtered_params

    async def handle(self, download: Download, *, anew: bool = False) -> Reply:
        """The task to serve, or the request to pass on. ``anew``: the content has changed."""
        url = download.route.url
        headers = for_shared_download(download.headers.items())
        digest = self._digest_named(download)
        try:
            fact = await self._rights.check(url, headers, immutable=digest is not None, anew=anew)
        except MeganeuraError as error:
            if not error.retryable or is_restricted(url, headers):
                raise
            # Anybody may have it, and the swarm may hold it while the origin is away.
            fact = UrlFact()
        if fact is None:
            return Pass(url)
        described = [("Content-Type", fact.content_type)] if fact.content_type else []
        return Serve(
            self._spec(download, headers, fact),
            described,
            etag=fact.etag,
            last_modified=fact.last_modified,
        )

    def _spec(self, download: Download, headers: Mapping[str, str], fact: UrlFact) -> TaskSpec:
        url = download.route.url
        digest = self._digest_named(download)
        if digest is None and download.route.way is Way.CDN:
            digest = fact.digest  # another origin's word for it would be worth nothing
        spec = download.wishes.apply(
            TaskSpec(
                url=url,
                request_headers=Headers(headers),
                digest=digest,
                size_bytes=fact.size_bytes,
                filtered_query_params=self._filter(download),
                restricted=is_restricted(url, headers),
                validator=None if digest else fact.validator,
                insecure_skip_verify=download.route.insecure,
            )
        )
        of_hub = download.route.way is Way.CDN or url.startswith(f"{self._hub_base}/")
        asked = download.wishes.blob_digest_id and not download.wishes.content
        if asked and blob_digest_in_url(url) and not of_hub and not spec.restricted:
            # The bytes are checked by it, and nothing restricted bears such a name.
            return replace(spec, content=None, blob_digest_id=True)
        return replace(spec, content=_content_name(spec, of_hub=of_hub))

    def _digest_named(self, download: Download) -> Digest | None:
        """The digest that the URL itself names."""
        parts = urlsplit(download.route.url)
        if download.route.way is Way.CDN and parts.netloc.startswith("cdn-lfs"):
            match = _SHA256_PATH.match(parts.path)
            return Digest("sha256", match[1]) if match else None
        if download.wishes.blob_digest_id is False:
            return None
        return blob_digest_in_url(download.route.url)

    def _filter(self, download: Download) -> tuple[str, ...]:
        query = urlsplit(download.route.url).query
        if download.route.way is Way.CDN:
            # Every parameter is of the signature: for the same bytes all of them vary.
            return tuple(name for name, _ in parse_qsl(query, keep_blank_values=True))
        return (*DEFAULT_FILTERED_QUERY_PARAMS, *self._filtered_params)


def _content_name(spec: TaskSpec, *, of_hub: bool) -> str | None:
    """What the task is named by, if not by its URL as Dragonfly names it.

    Who may have one name's content may have it under every URL, so a name holds what vouches for
    the right. The Hub and its CDN vouch for a digest. A registry vouches only for what it has itself:
    anybody can run one and claim a digest there. For restricted content of other origins it is the
    URL, told apart from tag and application, which Dragonfly's id would run together.
    """
    if spec.digest is not None:
        if of_hub:
            return str(spec.digest)
        return f"{urlsplit(spec.url).netloc.lower()} {spec.digest}"
    if spec.restricted:
        url = filter_url(spec.url, spec.filtered_query_params)
        parts = (url, spec.tag, spec.application, spec.piece_length, spec.content)
        return f"restricted {json.dumps(parts)}"
    return spec.content


def is_restricted(url: str, headers: Mapping[str, str]) -> bool:
    """Whether the request carries a right of its own, so that not everybody may have the content."""
    named = any(name.lower() in ("authorization", "cookie") for name in headers)
    return named or is_signed(url)
