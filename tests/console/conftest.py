"""One manager and one Chromium for all tests of this folder; without Chromium they skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.browser import CHROMIUM, DRIVER, WIDE, Browser, browsing
from tests.console.site import PASSWORD, Site
from tests.console.swarm import Shape


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not (Path(CHROMIUM).exists() and Path(DRIVER).exists()):
        pytest.skip("Chromium and its driver are not installed: tests/console/install")
    with Site(tmp_path_factory.mktemp("manager"), Shape()) as running:
        yield running


@pytest.fixture(scope="session")
def chromium(site: Site) -> Iterator[Browser]:
    with browsing(site.url) as browser:
        browser.size(*WIDE)
        browser.theme("dark")
        browser.sign_in("root", PASSWORD)
        yield browser


@pytest.fixture(scope="session", autouse=True)
def _begun_before_any_module(chromium: Browser) -> None:
    """What lives for the whole session is there before a module counts its processes."""


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """Signed in as root, wide, dark, nothing said yet."""
    chromium.size(*WIDE)
    chromium.theme("dark")
    chromium.complaints()
    return chromium
