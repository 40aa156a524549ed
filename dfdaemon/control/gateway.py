"""Asks Hub metadata through the seed, so that the Hub hears each question once for the cluster.

Implements ``task.service.HubGateway`` on a node. Without a seed that answers, and for a requester's own
credentials where the channel to the seed would not be encrypted, this host asks by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dfcore.errors import PeerBroken, Unavailable
from dfdaemon.control.links import Links
from dfdaemon.control.seeds import SeedDirectory
from dfdaemon.task.service import HubAnswer, HubGateway
from dfdaemon.task.spec_proto import SECRET_HEADERS
from dfinfra import tracing
from dfinfra.pb import meganeura_pb2 as pb

ANSWER_TIMEOUT_S = 30.0


class SeedGateway:
    """``direct`` asks the Hub from this host. ``name_of`` says by which name a URL's seed is chosen:
    what belongs together is asked of one seed, which then knows it."""

    def __init__(
        self,
        links: Links,
        seeds: SeedDirectory,
        direct: HubGateway,
        name_of: Callable[[str], str],
        *,
        secure: bool,
    ) -> None:
        self._links = links
        self._seeds = seeds
        self._direct = direct
        self._name_of = name_of
        self._secure = secure

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HubAnswer:
        secret = any(name.lower() in SECRET_HEADERS for name in headers)
        if secret and not self._secure:
            return await self._direct.ask(method, url, headers, body)
        for address in await self._seeds.near(self._name_of(url)):
            question = pb.Ask(kind="hub", method=method, url=url, headers=dict(headers), body=body)
            try:
                with tracing.span("ask the seed", seed=f"{address[0]}:{address[1]}") as span:
                    question.traceparent = span.traceparent
                    answer = await self._links.to(address).ask(question, ANSWER_TIMEOUT_S)
            except (PeerBroken, TimeoutError):
                self._seeds.shun(address)
                continue
            if answer.source:
                raise Unavailable(answer.body.decode(errors="replace"))
            return HubAnswer(
                answer.status, [(h.name, h.value) for h in answer.headers], answer.body
            )
        return await self._direct.ask(method, url, headers, body)
