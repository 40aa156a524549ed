"""Passes a request on to its origin and the answer back, unchanged and as a stream both ways.

Everything that is not the swarm's: other methods, error answers, uploads, whatever no rule names.
Called by the server. Only hop-by-hop headers end here; bodies are neither decompressed nor kept; a
body that the origin cuts off is cut off for the client too, so that it cannot take it for whole.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from dfcore.errors import MeganeuraError, OriginBroken, OriginUnreachable, TimedOut
from dfdaemon.proxy.headers import end_to_end

Pairs = list[tuple[str, str]]

# aiohttp adds these where a request has none; a proxy adds nothing.
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class StreamedResponse(web.StreamResponse):
    """A response that has the headers it is given and none that aiohttp thinks of."""

    async def _prepare_headers(self) -> None:
        given = {name.lower() for name in self.headers}
        await super()._prepare_headers()
        for name in ("Server", "Content-Type"):
            if name.lower() not in given:
                self.headers.popall(name, None)


async def forward(
    request: web.BaseRequest,
    url: str,
    session: aiohttp.ClientSession,
    *,
    via: str,
    tls: ssl.SSLContext | bool = True,
    proxy: str | None = None,
    rewrite: Callable[[Pairs], Pairs] | None = None,
    follow: bool = False,
) -> web.StreamResponse:
    """Do it. Raises a MeganeuraError while nothing has been sent to the client yet.

    ``tls`` is for an origin by https. ``follow``: go after redirects here instead of telling the
    client of them. Its Authorization stays with the first host.
    """
    headers = _request_headers(request, via)
    expects = headers.pop("Expect", "").lower() == "100-continue"
    body = _body(request, expects) if request.body_exists else None
    try:
        async with session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=body,
            allow_redirects=follow,
            expect100=expects and body is not None,
            skip_auto_headers=_NOT_ADDED,
            proxy=proxy,
            ssl=tls,
        ) as answer:
            return await _send_back(request, answer, rewrite)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise _translated(error, url) from None


def _request_headers(request: web.BaseRequest, via: str) -> CIMultiDict[str]:
    pairs = end_to_end(request.headers.items())
    headers = CIMultiDict((k, v) for k, v in pairs if k.lower() != "host")
    headers["Via"] = ", ".join([*request.headers.getall("Via", []), via])
    return headers


async def _body(request: web.BaseRequest, expects: bool) -> AsyncIterator[bytes]:
    # Runs when the origin wants the body: now the client may send it.
    if expects and request.transport is not None:
        request.transport.write(_CONTINUE)
    async for chunk in request.content.iter_any():
        yield chunk


async def _send_back(
    request: web.BaseRequest,
    answer: aiohttp.ClientResponse,
    rewrite: Callable[[Pairs], Pairs] | None,
) -> web.StreamResponse:
    pairs = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in answer.raw_headers]
    pairs = end_to_end(pairs)
    response = StreamedResponse(
        status=answer.status,
        reason=answer.reason,
        headers=CIMultiDict(rewrite(pairs) if rewrite else pairs),
    )
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError):
        cut_off(request)
        raise ConnectionResetError("the origin broke off") from None
    await response.write_eof()
    return response


def cut_off(request: web.BaseRequest) -> None:
    """End the connection in the middle of a body: the client must not take it for complete."""
    if request.transport is not None:
        request.transport.abort()


def _translated(error: Exception, url: str) -> MeganeuraError:
    host = URL(url, encoded=True).host
    if isinstance(error, TimeoutError):
        return TimedOut(f"{host} did not answer in time")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return OriginUnreachable(f"{host}: its certificate cannot be verified")
    if isinstance(error, aiohttp.ClientConnectionError):
        return OriginUnreachable(f"{host} cannot be reached: {type(error).__name__}")
    return OriginBroken(f"{host}: {type(error).__name__}")
