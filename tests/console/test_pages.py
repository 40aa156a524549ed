"""Every page in a real browser: it says what it should, nothing fails, nobody is kept out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.console.browser import PHONE, WIDE, Browser
from tests.console.swarm import task_id_of

AXE = Path(__file__).resolve().parents[2] / ".cache" / "console" / "axe.min.js"
PAGES = {
    "/": "Overview",
    "/tasks": "Downloads",
    f"/tasks/{task_id_of(0)}": "model-00001-of-00030.safetensors",
    "/hosts": "Hosts and caches",
    "/hosts/10.0.0.0-seed-0": "seed-0",
    "/jobs": "Jobs",
    "/jobs/1": "hf://meta-llama/Llama-3.3-70B-Instruct",
    "/jobs/new": "Preheat",
    "/models": "Models",
    "/models/meta-llama/Llama-3.3-70B-Instruct": "meta-llama/Llama-3.3-70B-Instruct",
    "/replication": "Replication",
    "/webhooks": "Webhooks",
    "/secrets": "Secrets and volumes",
    "/clusters": "Clusters",
    "/clusters/1": "cluster-1",
    "/applications": "Applications",
    "/users": "Users",
    "/users/2": "ada",
    "/profile": "root",
    "/teams": "Teams",
    "/tokens": "Access tokens",
    "/audit": "Audit",
}


def barriers(browser: Browser, rules: dict[str, Any]) -> list[str]:
    """What axe-core finds that keeps people out, as short lines."""
    browser.script(AXE.read_text())
    found: list[dict[str, Any]] = browser.driver.execute_async_script(
        "const [rules, done] = arguments; axe.run(document, {resultTypes: ['violations'], ...rules})"
        ".then((r) => done(r.violations.map((v) => ({id: v.id, n: v.nodes.length,"
        " at: v.nodes[0].target.join(' '), why: v.nodes[0].failureSummary}))));",
        rules,
    )
    return [f"{one['id']} ×{one['n']} at {one['at']}: {one['why']}" for one in found]


@pytest.mark.parametrize("path", PAGES)
def test_the_page_opens_and_fits(browser: Browser, path: str) -> None:
    browser.open(path)
    assert browser.find("h1").text == PAGES[path]
    browser.size(*PHONE, phone=True)
    browser.settle()
    width = browser.script("return document.documentElement.scrollWidth")
    assert width <= PHONE[0], "it scrolls sideways on a phone"
    browser.size(*WIDE)
    assert browser.complaints() == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nobody_is_kept_out(browser: Browser, theme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: tests/console/install")
    browser.theme(theme)
    rules = {} if theme == "dark" else {"runOnly": ["color-contrast"]}
    found = {}
    for path in PAGES if theme == "dark" else list(PAGES)[:16:2]:
        browser.open(path)
        if told := barriers(browser, rules):
            found[path] = told
    assert found == {}


def test_dark_and_light_follow_the_system_and_the_choice(browser: Browser) -> None:
    def ground() -> str:
        return str(browser.script("return getComputedStyle(document.body).backgroundColor"))

    browser.open("/hosts")
    dark = ground()
    browser.theme("light")
    assert ground() != dark
    browser.find("#theme").click()
    assert ground() == dark
    browser.open("/tasks")
    assert ground() == dark
    browser.driver.delete_cookie("theme")
