"""The overview of 10,000 hosts and 100 running downloads: how much travels.

`bench/console.py` measures the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.browser import WIDE, Browser, browsing
from tests.console.site import PASSWORD, Site
from tests.console.swarm import Shape

LARGE = Shape(hosts=10_000, tasks=120, peers_per_task=30)
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Browser]:
    with Site(tmp_path_factory.mktemp("large"), LARGE) as running, browsing(running.url) as browser:
        browser.size(*WIDE)
        browser.sign_in("root", PASSWORD)
        yield browser


def test_the_overview_is_light(large: Browser) -> None:
    large.requests()
    large.cdp("Network.setCacheDisabled", cacheDisabled=True)
    large.open("/")
    large.until(lambda: large.all("#traffic canvas"))
    asked = [one for one in large.requests() if one["url"].startswith(large.base)]
    assert sum(one["bytes"] for one in asked) <= MOST_BYTES, asked
    assert large.find("[data-part=tiles] .value").text == "10,000"
    assert large.complaints() == []


def test_a_page_of_the_list_is_a_page(large: Browser) -> None:
    large.open("/hosts?sort=-disk")
    assert len(large.all(".table tbody tr")) == 50
    assert "of 10,000" in large.find(".pager").text
