from __future__ import annotations

import json

from dfdaemon.hub.lfs import LfsLinks, batch_request
from dfdaemon.hub.routes import Repo
from tests.unit.dfdaemon.hub.fakes import FakeClock

REPO = Repo("models", "a/b")


def test_a_link_is_for_whoever_got_it_and_for_its_time() -> None:
    clock = FakeClock()
    links = LfsLinks(clock, ttl_s=60)
    links.put("me", REPO, "oid", "https://cdn/x", 5)
    assert links.get("me", REPO, "oid") == ("https://cdn/x", 5)
    assert links.get("you", REPO, "oid") is None
    clock.now_s += 60
    assert links.get("me", REPO, "oid") is None


def test_the_question_for_one_object_is_a_batch() -> None:
    question = json.loads(batch_request("oid", 5))
    assert question["operation"] == "download"
    assert question["objects"] == [{"oid": "oid", "size": 5}]
