"""Every page opens in a real browser, says what it should, and no script or load fails."""

from __future__ import annotations

import pytest

from tests.console.browser import Browser
from tests.console.swarm import task_id_of

PAGES = {
    "/": "Overview",
    "/tasks": "Downloads",
    f"/tasks/{task_id_of(0)}": "model-00001-of-00030.safetensors",
    "/hosts": "Hosts and caches",
    "/hosts/10.0.0.0-seed-0": "seed-0",
}


@pytest.mark.parametrize("path", PAGES)
def test_the_page_opens_without_a_complaint(browser: Browser, path: str) -> None:
    browser.open(path)
    assert browser.find("h1").text == PAGES[path]
    assert browser.complaints() == []
