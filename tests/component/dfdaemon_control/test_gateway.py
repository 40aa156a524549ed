"""Hub metadata goes through the seed; secrets only where the channel is encrypted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dfcore.errors import PeerBroken, Unavailable
from dfdaemon.control.gateway import SeedGateway
from dfdaemon.control.links import Address
from dfdaemon.task.service import HubAnswer
from dfinfra.pb import meganeura_pb2 as pb

FIRST, SECOND = ("127.0.0.1", 1), ("127.0.0.1", 2)
URL = "https://hub.test/api/models/org/m"


class FakeHosts:
    """Links and directory in one: seeds by address, each answering or broken."""

    def __init__(self, answers: dict[Address, pb.Answer | Exception]) -> None:
        self.answers = answers
        self.asked: list[Address] = []
        self.shunned: list[Address] = []
        self._address: Address = FIRST

    async def near(self, name: str) -> list[Address]:
        return list(self.answers)

    def shun(self, address: Address) -> None:
        self.shunned.append(address)

    def to(self, address: Address) -> FakeHosts:
        self._address = address
        return self

    async def ask(self, ask: pb.Ask, timeout_s: float) -> pb.Answer:
        self.asked.append(self._address)
        answer = self.answers[self._address]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Direct:
    """The Hub, asked from this host."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HubAnswer:
        self.urls.append(url)
        return HubAnswer(200, [], b"direct")


def gateway(hosts: FakeHosts, direct: Direct, *, secure: bool = True) -> SeedGateway:
    return SeedGateway(hosts, hosts, direct, str, secure=secure)  # type: ignore[arg-type]


async def test_the_first_seed_answers() -> None:
    told = pb.Answer(status=200, body=b"seed", headers=[pb.Header(name="ETag", value="x")])
    hosts, direct = FakeHosts({FIRST: told, SECOND: told}), Direct()
    answer = await gateway(hosts, direct).ask("GET", URL, {})
    assert answer == HubAnswer(200, [("ETag", "x")], b"seed")
    assert hosts.asked == [FIRST]
    assert not direct.urls


@pytest.mark.parametrize("fault", [PeerBroken("gone"), TimeoutError()])
async def test_a_silent_seed_is_shunned_and_the_next_one_asked(fault: Exception) -> None:
    hosts = FakeHosts({FIRST: fault, SECOND: pb.Answer(status=404)})
    answer = await gateway(hosts, Direct()).ask("GET", URL, {})
    assert answer.status == 404
    assert hosts.shunned == [FIRST]


async def test_without_a_seed_the_hub_is_asked_from_here() -> None:
    direct = Direct()
    assert (await gateway(FakeHosts({}), direct).ask("GET", URL, {})).body == b"direct"


async def test_what_the_seed_could_not_find_out_is_an_error_that_says_so() -> None:
    failed = pb.Answer(status=502, source="origin_unreachable", body=b"no connection")
    with pytest.raises(Unavailable, match="no connection"):
        await gateway(FakeHosts({FIRST: failed}), Direct()).ask("GET", URL, {})


async def test_a_token_never_travels_in_the_clear() -> None:
    hosts, direct = FakeHosts({FIRST: pb.Answer(status=200)}), Direct()
    await gateway(hosts, direct, secure=False).ask("GET", URL, {"authorization": "Bearer x"})
    assert not hosts.asked
    assert direct.urls == [URL]
