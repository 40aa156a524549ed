"""May this requester have this URL, and what is there: one byte asked of the origin.

For content that is known by its URL alone: signed CDN links, registry blobs, whatever a rule sends
through the swarm. Bytes that others brought here are served only after the origin has granted this
very URL with these very credentials; the answer also names size and validator, so that changed
content is not taken for the old. Kept for the times of ``authorize``; called by the proxy's doors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from dfcore.digest import Digest
from dfcore.errors import BadInput
from dfcore.lru import Lru
from dfcore.ranges import parse_content_range
from dfdaemon.hub.authorize import credential_of, secret_name
from dfdaemon.hub.facts import header, unquote_etag
from dfdaemon.task.service import HubAnswer, HubGateway
from dfinfra.clock import Clock
from dfinfra.flight import SingleFlight

_MAX_KEPT = 20_000
_MAX_HOPS = 5
_SECRET_HEADERS = ("authorization", "cookie")


@dataclass(frozen=True, slots=True)
class UrlFact:
    """What the origin says of a URL it grants. None where it does not say."""

    size_bytes: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    digest: Digest | None = None

    @property
    def validator(self) -> str | None:
        """The ETag, else Last-Modified."""
        return self.etag or self.last_modified


class UrlRights:
    """Asks through a gateway, once per URL and credential at a time."""

    def __init__(
        self, gateway: HubGateway, clock: Clock, *, fresh_s: float, allow_s: float, refuse_s: float
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._fresh_s = fresh_s
        self._allow_s = allow_s
        self._refuse_s = refuse_s
        self._kept: Lru[str, tuple[UrlFact | None, float]] = Lru()
        self._flights: SingleFlight[str, UrlFact | None] = SingleFlight("url right")

    async def check(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        immutable: bool = False,
        anew: bool = False,
    ) -> UrlFact | None:
        """The fact, or None if the origin does not grant the URL (let it say so itself).

        ``immutable``: the URL names its content, so only the right has to be fresh. ``anew``: what
        is known has turned out old.
        """
        name = secret_name(f"{url}\n{credential_of(headers)}")
        kept = self._kept.get(name)
        if kept is not None and not anew:
            fact, asked_at = kept
            granted_s = self._allow_s if immutable else min(self._fresh_s, self._allow_s)
            ttl_s = self._refuse_s if fact is None else granted_s
            if self._clock.monotonic() - asked_at < ttl_s:
                return fact
        return await self._flights.run(name, lambda: self._ask(name, url, headers))

    async def _ask(self, name: str, url: str, headers: Mapping[str, str]) -> UrlFact | None:
        answer = await self._follow(url, headers)
        fact = fact_of(answer)
        if fact is not None or answer.status in (401, 403, 404):
            self._kept.put(name, (fact, self._clock.monotonic()))
            for victim in self._kept.victims(len(self._kept) - _MAX_KEPT):
                self._kept.pop(victim)
        return fact

    async def _follow(self, url: str, headers: Mapping[str, str]) -> HubAnswer:
        sent = {k: v for k, v in headers.items() if k.lower() != "range"} | {"Range": "bytes=0-0"}
        answer = await self._gateway.ask("GET", url, sent)
        for _ in range(_MAX_HOPS):
            location = header(answer.headers, "location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                break
            target = urljoin(url, location)
            if _origin_of(target) != _origin_of(url):
                sent = {k: v for k, v in sent.items() if k.lower() not in _SECRET_HEADERS}
            url = target
            answer = await self._gateway.ask("GET", url, sent)
        return answer


def fact_of(answer: HubAnswer) -> UrlFact | None:
    """What an answer to a request for the first byte states; None unless it grants the bytes."""
    size_bytes: int | None = None
    pairs = answer.headers
    if answer.status in (206, 416):
        try:
            size_bytes = parse_content_range(header(pairs, "content-range") or "")[1]
        except BadInput:
            size_bytes = None
        if answer.status == 416 and size_bytes != 0:
            return None  # only of an empty blob is the first byte not to be had
    elif answer.status == 200:
        length = header(pairs, "content-length") or ""
        encoded = header(pairs, "content-encoding") not in (None, "identity")
        size_bytes = int(length) if length.isdigit() and not encoded else None
    else:
        return None
    linked = unquote_etag(header(pairs, "x-linked-etag") or "")
    return UrlFact(
        size_bytes=size_bytes,
        etag=header(pairs, "etag"),
        last_modified=header(pairs, "last-modified"),
        content_type=header(pairs, "content-type") if answer.status != 416 else None,
        digest=Digest("sha256", linked) if len(linked) == 64 else None,
    )


def _origin_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
