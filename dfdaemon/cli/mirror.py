"""The case that HF_ENDPOINT names a node's own mirror of the Hub, as it does for other clients.

The daemon must not be sent to a mirror that gets its content from the daemon. So dfget reads the files
from the mirror, which takes them through the swarm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
from yarl import URL

from dfcore.errors import OriginBroken, OriginRefused, OriginUnreachable
from dfdaemon.cli.items import Item, Listing
from dfdaemon.proxy.headers import ERROR_TYPE, PREFIX
from dfinfra.http import ClientLimits, client_session

_READ_BYTES = 1 << 20
# A value that no node's proxy lets pass, and no Hub looks at.
_PROBE = {f"{PREFIX}priority": "probe"}


async def is_mirror(session: aiohttp.ClientSession, base: str) -> bool:
    """Whether a node's proxy answers there."""
    try:
        async with session.head(URL(f"{base}/", encoded=True), headers=_PROBE) as answer:
            return answer.status == 400 and ERROR_TYPE in answer.headers
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False  # whoever asks next tells the error


def through_mirror(listing: Listing) -> Listing:
    """The same files, read from the mirror."""
    return replace(listing, items=tuple(_read_from(item) for item in listing.items))


def _read_from(item: Item) -> Item:
    url, headers = item.url, item.headers

    async def read(offset: int) -> AsyncIterator[bytes]:
        wanted = {**headers, "Accept-Encoding": "identity"}
        if offset:
            wanted["Range"] = f"bytes={offset}-"
        try:
            async with client_session(ClientLimits(trust_env=True)) as session:
                async with session.get(URL(url, encoded=True), headers=wanted) as answer:
                    if answer.status >= 400:
                        raise OriginRefused(
                            answer.status, dict(answer.headers), await answer.read()
                        )
                    if answer.status != (206 if offset else 200):
                        raise OriginBroken(f"the mirror answered {answer.status} to a range")
                    async for block in answer.content.iter_chunked(_READ_BYTES):
                        yield block
        except aiohttp.ClientConnectorError as error:
            raise OriginUnreachable(
                f"the mirror cannot be reached: {type(error).__name__}"
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OriginBroken(f"the mirror broke off: {type(error).__name__}") from None

    return replace(item, url="", read_directly=read)
