"""The manager's own requests to origins: listings, manifests, webhooks.

Small answers only. Every hop of a redirect is checked against the rule of ``targets``, and credentials
stay with the origin that they were given for.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from dfcore.errors import BadInput, OriginBroken, OriginUnreachable, TimedOut
from manager.jobs.targets import CheckedResolver, Targets

MAX_ANSWER_BYTES = 64 << 20
_MAX_HOPS = 5
_SECRET = {"authorization", "cookie", "x-api-key"}


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What an origin said. Header names are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body's document. Raises OriginBroken."""
        try:
            return json.loads(self.body)
        except ValueError:
            where = urlsplit(self.url).netloc
            raise OriginBroken(
                f"{where} does not answer with JSON; is the endpoint right?"
            ) from None


class Web:
    """A checked HTTP client. ``tls`` verifies origins; None uses the system's authorities."""

    def __init__(self, targets: Targets, *, tls: ssl.SSLContext | None = None) -> None:
        self.targets = targets
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        timeout_s: float = 30.0,
        follow: bool = True,
    ) -> WebAnswer:
        """One request, redirects followed. Raises Denied, OriginUnreachable, OriginBroken, TimedOut."""
        asked = dict(headers or {})
        for _ in range(_MAX_HOPS):
            answer = await self._once(method, url, asked, body, timeout_s)
            location = answer.headers.get("location")
            if not follow or not location or answer.status not in (301, 302, 303, 307, 308):
                return answer
            onward = urljoin(url, location)
            if _origin(onward) != _origin(url):
                asked = {k: v for k, v in asked.items() if k.lower() not in _SECRET}
            if answer.status == 303 or (method == "POST" and answer.status in (301, 302)):
                method, body = "GET", None
            url = onward
        raise OriginBroken(f"{urlsplit(url).netloc} redirects without end")

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> WebAnswer:
        host = self.targets.check_literal(url)
        if urlsplit(url).scheme not in ("http", "https"):
            raise BadInput("an origin is asked by http:// or https://")
        try:
            async with self._opened().request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                content = await response.content.read(MAX_ANSWER_BYTES + 1)
                while not response.content.at_eof() and len(content) <= MAX_ANSWER_BYTES:
                    content += await response.content.read(MAX_ANSWER_BYTES)
                if len(content) > MAX_ANSWER_BYTES:
                    raise OriginBroken(f"{host} sends more than is wanted")
                told = {name.lower(): value for name, value in response.headers.items()}
                return WebAnswer(url, response.status, told, content)
        except TimeoutError:
            raise TimedOut(f"{host} does not answer within {timeout_s:g} s") from None
        except aiohttp.ClientError as error:
            raise OriginUnreachable(f"{host}: {type(error).__name__}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=64,
                    resolver=CheckedResolver(self.targets),
                    use_dns_cache=False,
                    ssl=self._tls if self._tls is not None else True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
