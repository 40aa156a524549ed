from __future__ import annotations

import json

from dfdaemon.hub.rewrite import map_lfs_batch, next_link, rewrite_headers, strip_xet
from dfdaemon.hub.routes import Repo

HUB, US = "https://huggingface.co", "http://127.0.0.1:65001"


def test_links_lead_to_us_and_xet_goes() -> None:
    pairs = [
        ("Link", f'<{HUB}/api/x?cursor=1>; rel="next", <{HUB}/t>; rel="xet-auth"'),
        ("Location", f"{HUB}/new/name"),
        ("X-Xet-Hash", "1"),
        ("X-Other", f"{HUB}/kept"),
    ]
    assert rewrite_headers(pairs, HUB, US) == [
        ("Link", f'<{US}/api/x?cursor=1>; rel="next"'),
        ("Location", f"{US}/new/name"),
        ("X-Other", f"{HUB}/kept"),
    ]


def test_without_an_authority_links_stay() -> None:
    assert rewrite_headers([("Location", f"{HUB}/x")], HUB, "") == [("Location", f"{HUB}/x")]


def test_the_next_page_is_found_among_links() -> None:
    value = '<https://h/a?x=1,2>; rel="prev", <https://h/b?c=%2C>; rel="next"'
    assert next_link([("link", value)]) == "https://h/b?c=%2C"
    assert next_link([("Link", '<https://h/a>; rel="first"')]) is None


def test_xet_hashes_go_but_for_large_files() -> None:
    entries = [
        {"path": "a", "size": 5, "xetHash": "1"},
        {"path": "b", "size": 50, "xetHash": "2"},
    ]
    body = json.dumps(entries).encode()
    assert all("xetHash" not in e for e in json.loads(strip_xet(body)))
    kept = json.loads(strip_xet(body, 50))
    assert ["xetHash" in e for e in kept] == [False, True]
    siblings = json.dumps({"siblings": [{"rfilename": "a", "xetHash": "1"}]}).encode()
    assert json.loads(strip_xet(siblings)) == {"siblings": [{"rfilename": "a"}]}


def test_what_has_no_xet_or_is_no_json_stays_byte_for_byte() -> None:
    assert strip_xet(b'[ {"path" :"a"} ]') == b'[ {"path" :"a"} ]'
    assert strip_xet(b'"xetHash" is not json') == b'"xetHash" is not json'


def test_lfs_links_become_ours_unless_they_need_headers() -> None:
    batch = {
        "objects": [
            {"oid": "a" * 64, "size": 1, "actions": {"download": {"href": "https://cdn/a"}}},
            {
                "oid": "b" * 64,
                "size": 2,
                "actions": {"download": {"href": "https://s3/b", "header": {"X": "1"}}},
            },
            {"oid": "c" * 64, "error": {"code": 404}},
        ]
    }
    body, links = map_lfs_batch(json.dumps(batch).encode(), Repo("models", "o/n"), US)
    hrefs = [o["actions"]["download"]["href"] for o in json.loads(body)["objects"][:2]]
    assert hrefs == [f"{US}/o/n.git/info/lfs/objects/{'a' * 64}?size=1", "https://s3/b"]
    assert [link[2] for link in links] == ["https://cdn/a", "https://s3/b"]


def test_lfs_links_of_ours_are_asked_with_what_the_batch_was_asked_with() -> None:
    entry = {"oid": "a" * 64, "size": 1, "actions": {"download": {"href": "https://cdn/a"}}}
    body, _ = map_lfs_batch(
        json.dumps({"objects": [entry]}).encode(), Repo("models", "o"), US, "me"
    )
    download = json.loads(body)["objects"][0]["actions"]["download"]
    assert download["header"] == {"Authorization": "me"}
