"""How a download that is known by its URL is named, and who vouches for it."""

from __future__ import annotations

import pytest

from dfcore.errors import OriginUnreachable
from dfdaemon.hub.replies import Pass, Serve
from dfdaemon.hub.rights import UrlRights
from dfdaemon.proxy.headers import DragonflyHeaders, parse_dragonfly
from dfdaemon.proxy.rules import Route, Way
from dfdaemon.proxy.swarm import Download, SwarmDoor, is_restricted
from dfdaemon.task.service import HubAnswer
from dfdaemon.task.spec import TaskSpec
from tests.unit.dfdaemon.hub.fakes import FakeClock, FakeGateway

HUB = "https://huggingface.co"
SHA256 = "a" * 64
GRANTED = HubAnswer(206, [("Content-Range", "bytes 0-0/99"), ("ETag", '"v"')], b"x")
LINKED = HubAnswer(206, [*GRANTED.headers, ("X-Linked-Etag", f'"{SHA256}"')], b"x")


def made(gateway: FakeGateway) -> SwarmDoor:
    rights = UrlRights(gateway, FakeClock(), fresh_s=10, allow_s=60, refuse_s=5)
    return SwarmDoor(rights, hub_base=HUB, filtered_params=("own",))


async def spec_of(
    url: str,
    way: Way = Way.SWARM,
    answer: HubAnswer = GRANTED,
    wishes: DragonflyHeaders | None = None,
    **headers: str,
) -> TaskSpec:
    door = made(FakeGateway({f"GET {url}": answer}))
    download = Download(Route(way, url, ""), headers, wishes or DragonflyHeaders())
    reply = await door.handle(download)
    assert isinstance(reply, Serve)
    return reply.spec


async def test_public_urls_are_named_as_dragonfly_does() -> None:
    spec = await spec_of("https://h/x?own=1&Expires=2&keep=3")
    assert spec.content is None
    assert spec.task_id == TaskSpec("https://h/x?keep=3", filtered_query_params=("own",)).task_id
    assert (spec.size_bytes, spec.validator, spec.restricted) == (99, '"v"', False)


async def test_links_of_the_cdn_are_named_without_their_query() -> None:
    base = "https://us.aws.cdn.hf.co/x/y"
    one = await spec_of(f"{base}?Signature=1&user_id=1", Way.CDN)
    two = await spec_of(f"{base}?Signature=2&user_id=2", Way.CDN)
    assert one.task_id == two.task_id
    assert one.restricted


async def test_a_digest_that_the_hub_named_names_the_content() -> None:
    spec = await spec_of("https://us.aws.cdn.hf.co/x/y?user_id=public", Way.CDN, LINKED)
    assert spec.content == f"sha256:{SHA256}"
    assert not spec.restricted
    old = await spec_of(f"https://cdn-lfs.hf.co/repos/1/2/3/{SHA256}?Signature=1", Way.CDN)
    assert old.content == f"sha256:{SHA256}"
    assert str(old.digest) == old.content


async def test_a_newer_cdns_path_is_no_digest() -> None:
    spec = await spec_of(f"https://cas-bridge.xethub.hf.co/xet-bridge-us/1/{SHA256}?x=1", Way.CDN)
    assert spec.digest is None


async def test_nobody_gets_the_hubs_content_by_claiming_its_digest_elsewhere() -> None:
    claimed = await spec_of(f"https://evil.test/v2/a/blobs/sha256:{SHA256}")
    assert str(claimed.digest) == f"sha256:{SHA256}"
    assert claimed.content == f"evil.test sha256:{SHA256}"
    by_header = await spec_of("https://evil.test/x", answer=LINKED)
    assert by_header.digest is None
    of_hub = await spec_of(f"{HUB}/v2/o/n/blobs/sha256:{SHA256}")
    assert of_hub.content == f"sha256:{SHA256}"


async def test_a_public_blob_is_named_by_its_digest_alone_if_the_client_asks() -> None:
    url = f"https://registry.test/v2/a/blobs/sha256:{SHA256}"
    asked = DragonflyHeaders(blob_digest_id=True)
    assert (await spec_of(url, wishes=asked)).task_id == SHA256
    assert (await spec_of(f"{HUB}/v2/o/n/blobs/sha256:{SHA256}", wishes=asked)).task_id != SHA256
    mine = await spec_of(url, wishes=asked, Authorization="Bearer x")
    assert mine.restricted
    assert mine.task_id != SHA256


async def test_a_restricted_name_cannot_be_spelled_by_tags_and_shorter_urls() -> None:
    secret = await spec_of("https://h/private/x", Authorization="mine")
    spelled = await spec_of("https://h/p", wishes=DragonflyHeaders(tag="rivate/x"))
    plain = TaskSpec("https://h/private/x", filtered_query_params=("own",))
    assert plain.task_id == spelled.task_id
    assert secret.task_id != spelled.task_id
    named = {"X-Dragonfly-Content-For-Calculating-Task-ID": "n"}
    one = await spec_of("https://h/private/x", wishes=parse_dragonfly(named), Authorization="a")
    two = await spec_of("https://h/other", wishes=parse_dragonfly(named), Authorization="b")
    assert one.task_id != two.task_id


async def test_what_the_origin_refuses_it_says_itself() -> None:
    url = "https://h/x"
    reply = await made(FakeGateway({f"GET {url}": HubAnswer(403, [], b"")})).handle(
        Download(Route(Way.SWARM, url, ""), {}, DragonflyHeaders())
    )
    assert reply == Pass(url)


async def test_while_the_origin_is_away_only_public_content_is_served() -> None:
    url = "https://h/x"
    door = made(FakeGateway({f"GET {url}": OriginUnreachable("gone")}))
    reply = await door.handle(Download(Route(Way.SWARM, url, ""), {}, DragonflyHeaders()))
    assert isinstance(reply, Serve)
    mine = Download(Route(Way.SWARM, url, ""), {"Authorization": "x"}, DragonflyHeaders())
    with pytest.raises(OriginUnreachable):
        await door.handle(mine)


def test_a_request_that_carries_a_right_is_restricted() -> None:
    assert is_restricted("https://h/x", {"authorization": "t"})
    assert is_restricted("https://h/x", {"Cookie": "t"})
    assert is_restricted("https://h/x?X-Amz-Signature=1", {})
    assert is_restricted("https://h/x?Signature=1&user_id=12", {})
    assert not is_restricted("https://h/x?Signature=1&user_id=public", {})
    assert not is_restricted("https://h/x?Signature=1&X-Xet-Cas-Uid=public", {})
    assert not is_restricted("https://h/x?version=2", {"Accept": "*/*"})
