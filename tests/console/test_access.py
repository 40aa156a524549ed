"""Who sees which page, and what browsers are told they may load. Without a browser."""

from __future__ import annotations

import http.client
import re
from typing import NamedTuple

import pytest

from manager.auth.permissions import permissions_of
from manager.console.views import PAGES
from tests.console.content import Client
from tests.console.site import PASSWORD, Site
from tests.console.swarm import task_id_of

USERS = {"guest": "visitor", "member": "grace", "operator": "ada", "root": "root"}
EXAMPLES = {
    "/tasks/{task_id:[0-9a-f]{64}}": f"/tasks/{task_id_of(0)}",
    "/hosts/at/{index:[0-9]{1,6}}": "/hosts/at/3",
    "/hosts/{host_id}": "/hosts/10.0.0.0-seed-0",
    "/jobs/{id:[0-9]{1,18}}": "/jobs/1",
    "/models/{org}/{name}": "/models/acme/reranker",
    "/clusters/{id:[0-9]{1,18}}": "/clusters/1",
    "/users/{id:[0-9]{1,18}}": "/users/2",
}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


def get(site: Site, path: str, token: str = "") -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request(
        "GET", path, headers={"Cookie": f"meganeura_session={token}"} if token else {}
    )
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    connection.close()
    return Reply(response.status, dict(response.getheaders()), text)


@pytest.fixture(scope="module")
def tokens(site: Site) -> dict[str, str]:
    return {role: Client(site.url, PASSWORD, name).token for role, name in USERS.items()}


@pytest.mark.parametrize("role", USERS)
def test_pages_are_for_those_who_may(site: Site, tokens: dict[str, str], role: str) -> None:
    mine = permissions_of(role)
    for page in PAGES:
        reply = get(site, EXAMPLES.get(page.path, page.path), tokens[role])
        assert reply.status == (200 if page.permission in mine else 403), page.path


def test_strangers_are_led_to_the_sign_in(site: Site) -> None:
    for page in PAGES:
        path = EXAMPLES.get(page.path, page.path)
        reply = get(site, path)
        assert (reply.status, reply.headers["Location"].partition("?")[0]) == (303, "/signin")
        assert get(site, f"{path}?_live=1").status == 401
    assert get(site, "/signin").status == 200


def test_a_sign_in_that_has_ended_is_one_that_is_not_there(site: Site) -> None:
    assert get(site, "/jobs", "mns_of-another-manager").status in (303, 401)


def test_browsers_may_load_our_own_files_only(site: Site, tokens: dict[str, str]) -> None:
    for page in PAGES:
        reply = get(site, EXAMPLES.get(page.path, page.path), tokens["root"])
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<style|\sstyle=|<script>", reply.text), page.path


@pytest.mark.parametrize("path", ["/jobs/999999", "/models/no/such", f"/tasks/{'0' * 64}"])
def test_what_is_not_there_is_a_page_that_says_so(
    site: Site, tokens: dict[str, str], path: str
) -> None:
    reply = get(site, path, tokens["root"])
    assert reply.status == 404
    assert "There is no such page" in reply.text


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=x", "?sort=%3Cb%3E&q=%3Cscript%3E", "?page=9" * 9]
)
def test_nonsense_in_the_query_does_no_harm(site: Site, tokens: dict[str, str], query: str) -> None:
    for path in ("/hosts", "/tasks", "/jobs", "/audit", "/models"):
        reply = get(site, path + query, tokens["root"])
        assert reply.status == 200
        assert "<script>" not in reply.text


def test_fresh_blocks_come_alone(site: Site, tokens: dict[str, str]) -> None:
    reply = get(site, "/?_live=1", tokens["guest"])
    assert reply.status == 200
    assert "<html" not in reply.text
    assert '"tiles"' in reply.text
