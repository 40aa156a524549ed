"""Asks the Hub itself: the innermost HubGateway, used by the seed and by a node without one.

One layer retries, and it is this one: broken connections and 5xx a few times with back-off, never a
4xx. Bodies are bounded; a whole file that comes where one byte was asked is not read.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from random import Random
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from dfcore.backoff import Backoff, parse_retry_after
from dfcore.errors import MeganeuraError, OriginBroken, OriginUnreachable, TimedOut
from dfdaemon.hub.authorize import credential_of
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import header
from dfdaemon.hub.ratelimit import RateGates
from dfdaemon.task.service import HubAnswer
from dfinfra import tracing
from dfinfra.clock import Clock

_ATTEMPTS = 3
_RETRIED = (500, 502, 503, 504)
_MAX_BODY_BYTES = 32 << 20
_MAX_RETRY_AFTER_S = 3.0


class OriginGateway:
    """Implements HubGateway on an aiohttp session, which stays its owner's.

    The session must not decompress, follow redirects by default or keep cookies; see
    ``proxy.upstream``. ``tls`` is the context for a URL; without it the session's is used.
    """

    def __init__(
        self,
        config: HubConfig,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        random: Random | None = None,
        timeout_s: float = 30.0,
        proxy: str | None = None,
        tls: Callable[[str], ssl.SSLContext] | None = None,
    ) -> None:
        self._config = config
        self._session = session
        self._clock = clock
        self._random = random or Random()
        self._timeout_s = timeout_s
        self._proxy = proxy
        self._tls = tls
        self._backoff = Backoff(base_s=0.2, cap_s=2.0)
        self._gates = RateGates()

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HubAnswer:
        """The origin's answer, redirects included. Raises OriginUnreachable, TimedOut, OriginBroken."""
        gate = self._gate_of(url, headers)
        for attempt in range(_ATTEMPTS):
            if gate and (refusal := self._gates.refusal(*gate, self._clock.monotonic())):
                return refusal
            last = attempt == _ATTEMPTS - 1
            try:
                host = urlsplit(url).hostname
                with tracing.span("ask the origin", method=method, host=host) as span:
                    answer = await self._ask_once(method, url, headers, body)
                    span.set(status=answer.status)
            except MeganeuraError as error:
                if last or not error.retryable:
                    raise
                wait_s: float | None = self._backoff.delay_s(attempt, self._random)
            else:
                if gate:
                    self._gates.note(*gate, answer, self._clock.monotonic())
                wait_s = None if last else self._wait_before_retry(answer, attempt)
                if wait_s is None:
                    return answer
            await asyncio.sleep(wait_s or 0)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _gate_of(self, url: str, headers: Mapping[str, str]) -> tuple[str, str] | None:
        if not url.startswith(f"{self._config.base}/"):
            return None
        path = urlsplit(url).path
        counted_as_api = path.startswith("/api/") and not path.startswith("/api/resolve-cache/")
        return credential_of(headers), "api" if counted_as_api else "resolvers"

    def _wait_before_retry(self, answer: HubAnswer, attempt: int) -> float | None:
        if answer.status not in _RETRIED:
            return None
        told = header(answer.headers, "retry-after")
        told_s = parse_retry_after(told, self._clock.time()) if told else None
        if told_s is not None and told_s > _MAX_RETRY_AFTER_S:
            return None  # the client can wait that long, a request of ours cannot
        return self._backoff.delay_s(attempt, self._random, told_s)

    async def _ask_once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> HubAnswer:
        host = urlsplit(url).netloc.rpartition("@")[2]
        sent = {**headers, "Accept-Encoding": "identity"}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.request(
                    method,
                    URL(url, encoded=True),
                    headers=sent,
                    data=body or None,
                    allow_redirects=False,
                    proxy=self._proxy,
                    ssl=self._tls(url) if self._tls else True,
                ) as response,
            ):
                pairs = [
                    (k.decode("latin-1"), v.decode("latin-1")) for k, v in response.raw_headers
                ]
                if _is_whole_file(headers, response.status):
                    response.close()
                    return HubAnswer(response.status, pairs, b"")
                return HubAnswer(response.status, pairs, await _read(response, host))
        except TimeoutError:
            raise TimedOut(f"{host} did not answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            raise OriginUnreachable(f"{host}: {type(error).__name__}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise OriginBroken(f"{host}: {type(error).__name__}") from None


def _is_whole_file(headers: Mapping[str, str], status: int) -> bool:
    return status == 200 and any(name.lower() == "range" for name in headers)


async def _read(response: aiohttp.ClientResponse, host: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            response.close()
            raise OriginBroken(f"{host} answered with more than {_MAX_BODY_BYTES} bytes")
    return bytes(body)
