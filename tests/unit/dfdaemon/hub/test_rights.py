from __future__ import annotations

from dfcore.digest import Digest
from dfdaemon.hub.rights import UrlFact, UrlRights, fact_of
from dfdaemon.task.service import HubAnswer
from tests.unit.dfdaemon.hub.fakes import FakeClock, FakeGateway

URL = "https://cdn.test/blob?Signature=1"
GRANTED = HubAnswer(206, [("Content-Range", "bytes 0-0/99"), ("ETag", '"v"')], b"x")


def made(gateway: FakeGateway, clock: FakeClock) -> UrlRights:
    return UrlRights(gateway, clock, fresh_s=10, allow_s=60, refuse_s=5)


async def test_one_byte_is_asked_and_says_size_and_validator() -> None:
    gateway = FakeGateway({f"GET {URL}": GRANTED})
    fact = await made(gateway, FakeClock()).check(URL, {"Range": "bytes=5-9", "X": "y"})
    assert fact == UrlFact(size_bytes=99, etag='"v"')
    assert gateway.asked[0][2] == {"X": "y", "Range": "bytes=0-0"}


async def test_a_grant_is_kept_by_how_the_url_names_its_content() -> None:
    clock, gateway = FakeClock(), FakeGateway({f"GET {URL}": GRANTED})
    rights = made(gateway, clock)
    await rights.check(URL, {})
    clock.now_s += 30
    await rights.check(URL, {}, immutable=True)
    assert len(gateway.asked) == 1
    await rights.check(URL, {})
    assert len(gateway.asked) == 2


async def test_each_signature_and_each_credential_is_asked() -> None:
    gateway = FakeGateway({f"GET {URL}": GRANTED})
    rights = made(gateway, FakeClock())
    assert await rights.check(URL, {})
    assert await rights.check(URL.replace("=1", "=2"), {}) is None
    assert await rights.check(URL, {"Authorization": "x"})
    assert len(gateway.asked) == 3


async def test_a_refusal_is_kept_for_seconds_and_trouble_not_at_all() -> None:
    clock = FakeClock()
    gateway = FakeGateway({f"GET {URL}": HubAnswer(403, [], b"")})
    rights = made(gateway, clock)
    for _ in range(2):
        assert await rights.check(URL, {}) is None
    assert len(gateway.asked) == 1
    clock.now_s += 5
    gateway.replies[f"GET {URL}"] = HubAnswer(503, [], b"")
    for _ in range(2):
        assert await rights.check(URL, {}) is None
    assert len(gateway.asked) == 3


async def test_credentials_stay_with_the_host_they_are_for() -> None:
    gateway = FakeGateway(
        {
            "GET https://one.test/a": HubAnswer(302, [("Location", "/b")], b""),
            "GET https://one.test/b": HubAnswer(307, [("Location", "https://two.test/c")], b""),
            "GET https://two.test/c": GRANTED,
        }
    )
    assert await made(gateway, FakeClock()).check("https://one.test/a", {"Authorization": "x"})
    assert ["Authorization" in headers for _, _, headers in gateway.asked] == [True, True, False]


def test_an_empty_blob_has_no_first_byte() -> None:
    answer = HubAnswer(416, [("Content-Range", "bytes */0")], b"")
    assert fact_of(answer) == UrlFact(size_bytes=0)
    assert fact_of(HubAnswer(416, [("Content-Range", "bytes */7")], b"")) is None


def test_a_whole_answer_says_its_length_unless_it_is_encoded() -> None:
    pairs = [("Content-Length", "7"), ("X-Linked-Etag", f'"{"a" * 64}"')]
    fact = fact_of(HubAnswer(200, pairs, b""))
    assert fact == UrlFact(size_bytes=7, digest=Digest("sha256", "a" * 64))
    assert fact_of(
        HubAnswer(200, [("Content-Length", "7"), ("Content-Encoding", "gzip")], b"")
    ) == (UrlFact())
