"""Pages of models over a real volume: what was pushed, tags, who may, copies elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.console.browser import Browser
from tests.console.content import Client
from tests.console.registry import MODEL, Registry
from tests.console.site import PASSWORD, Site

PAGE = f"/models/{MODEL}"


@pytest.fixture(scope="module")
def registry(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    made = Registry(site.url, PASSWORD, tmp_path_factory.mktemp("registry"))
    made.push("v1", note="first take")
    made.push("v2", "prod", note="trained longer", weights=2)
    return made


def _tags(browser: Browser) -> dict[str, str]:
    """Of each tag the revision that it leads to, as the page says."""
    rows = browser.all("[aria-labelledby=tags-title] tr")
    return {row.text.split()[0]: row.text.split()[1] for row in rows}


def test_what_was_pushed_is_shown_with_versions_files_and_tags(
    registry: Registry, browser: Browser
) -> None:
    browser.open("/models")
    browser.find(f"a[href='{PAGE}']").click()
    browser.until(lambda: browser.path == PAGE)
    versions = browser.find("[aria-labelledby=versions-title]").text
    assert "first take" in versions
    assert "trained longer" in versions
    assert "root" in versions
    files = browser.find("[aria-labelledby=files-title]").text
    assert "model.safetensors" in files
    tags = _tags(browser)
    assert set(tags) == {"v1", "v2", "prod"}
    assert tags["prod"] == tags["v2"] != tags["v1"]
    assert browser.complaints() == []


def test_a_tag_is_moved_by_hand(registry: Registry, browser: Browser) -> None:
    browser.open(PAGE)
    first = _tags(browser)["v1"]
    links = browser.all("[aria-labelledby=versions-title] a.mono")
    next(link for link in links if link.text.startswith(first)).click()
    browser.until(lambda: f"Files of {first}" in browser.find("#files-title").text)
    browser.find("[data-dialog=tag-it]").click()
    browser.fill("dialog[open] input[name=tag]", "prod" + Keys.ENTER)
    browser.until(lambda: _tags(browser).get("prod") == first)
    there = registry.folder / "pulled"
    registry.dfctl("pull", f"{MODEL}:prod", str(there))
    assert (there / "model.safetensors").read_bytes()[:1] == b"B"


def test_a_grant_keeps_others_out_and_is_told(registry: Registry, browser: Browser) -> None:
    visitor = Client(registry.url, PASSWORD, "visitor")
    assert visitor.get(f"/api/v1/models/{MODEL}")["name"] == MODEL
    team = registry.root.post("/api/v1/teams", name="speech", bio="")["id"]
    grant = registry.root.post(f"/api/v1/teams/{team}/models", pattern="acme/sp*", level="read")
    browser.open(PAGE)
    assert "speech\nread by acme/sp*" in browser.find("[aria-labelledby=who-title]").text
    with pytest.raises(RuntimeError, match="404"):
        visitor.get(f"/api/v1/models/{MODEL}")
    registry.root.send("DELETE", f"/api/v1/teams/{team}/models/{grant['id']}")
    assert visitor.get(f"/api/v1/models/{MODEL}")["name"] == MODEL


def test_a_rule_copies_to_another_volume_and_the_page_follows(
    registry: Registry, browser: Browser
) -> None:
    browser.open("/replication")
    browser.find("[data-dialog=new-rule]").click()
    browser.fill("dialog[open] input[name=name]", "to virginia")
    browser.fill("dialog[open] input[name=model_pattern]", "acme/speech")
    browser.fill("dialog[open] input[name=tag_pattern]", "v2")
    browser.find("dialog[open] select[name=target]").send_keys("virginia")
    browser.find("dialog[open] [type=submit]").click()
    browser.until(lambda: "to virginia" in browser.find("[aria-labelledby=rules-title]").text)
    browser.script("window.mine = true")
    browser.until(lambda: "done" in browser.find("[data-part=states]").text)
    assert browser.script("return window.mine"), "without a reload"
    browser.open(PAGE)
    assert "virginia\nv2\ndone" in browser.find("[aria-labelledby=copies-title]").text
    objects = list((registry.folder / "virginia-objects").rglob("*"))
    assert sum(path.stat().st_size for path in objects if path.is_file()) > 0


def test_files_that_are_there_are_not_sent_again(registry: Registry, tmp_path: Path) -> None:
    assert "uploaded 1, " in registry.push("v3", note="only the weights differ", weights=3)
