"""The console without a mouse: focus that is seen, keys that lead places, the palette."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.console.browser import PHONE, Browser
from tests.console.swarm import task_id_of


def test_the_first_stop_skips_the_menu(browser: Browser) -> None:
    browser.open("/hosts")
    browser.press(Keys.TAB)
    assert browser.focused() == "Skip to the content"
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.script("return document.activeElement.id") == "main")


def test_focus_is_seen_wherever_it_goes(browser: Browser) -> None:
    browser.open("/jobs")
    seen = []
    for _ in range(25):
        browser.press(Keys.TAB)
        name = browser.focused()
        width = browser.script(
            "return parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        )
        assert width >= 2, name
        seen.append(name)
    assert len(set(seen)) > 20


def test_two_keys_lead_to_a_page(browser: Browser) -> None:
    browser.open("/")
    browser.press("g", "h")
    browser.until(lambda: browser.path == "/hosts")
    browser.press("g", "c")
    browser.until(lambda: browser.path == "/clusters")


def test_keys_are_letters_while_one_types(browser: Browser) -> None:
    browser.open("/hosts")
    browser.press("/")
    assert browser.focused() == "Search hosts"
    browser.press("gpu-fra1", Keys.ENTER)
    browser.until(lambda: "q=gpu-fra1" in browser.path)
    names = [row.text for row in browser.all(".table .main-cell a")]
    assert names
    assert all(name.startswith("gpu-fra1") for name in names)


def test_rows_are_walked_and_opened(browser: Browser) -> None:
    browser.open("/tasks")
    browser.press("j", "j", "k")
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.path.startswith("/tasks/"))


def test_the_palette_finds_pages_and_hosts(browser: Browser) -> None:
    browser.open("/")
    browser.find("body").send_keys(Keys.CONTROL, "k")
    browser.find("dialog.palette[open]")
    browser.press("audit", Keys.ENTER)
    browser.until(lambda: browser.path == "/audit")
    browser.find("body").send_keys(Keys.CONTROL, "k")
    browser.press("seed-1")
    browser.until(lambda: browser.all(".palette li small"))
    browser.until(lambda: "seed-1" in browser.find(".palette li[aria-selected=true]").text)
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.path == "/hosts/10.0.0.1-seed-1")


def test_escape_closes_and_gives_the_focus_back(browser: Browser) -> None:
    browser.open("/users")
    button = browser.find("button[data-dialog=new-user]")
    button.send_keys(Keys.ENTER)
    browser.find("dialog[open]")
    browser.press(Keys.ESCAPE)
    browser.until(lambda: not browser.all("dialog[open]"))
    assert browser.focused() == "User"


def test_the_keys_are_written_down(browser: Browser) -> None:
    browser.open("/")
    browser.press("?")
    assert "Overview" in browser.find("dialog[open] .keys").text
    browser.press(Keys.ESCAPE)


def test_the_graph_is_walked_by_arrows(browser: Browser) -> None:
    browser.open(f"/tasks/{task_id_of(0)}")
    browser.script("document.querySelector('#swarm').focus()")
    browser.press(Keys.ARROW_RIGHT)
    browser.until(lambda: browser.find("#swarm-tip").text)
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.path.startswith("/hosts/"))


def test_the_menu_of_a_phone_opens_and_closes(browser: Browser) -> None:
    browser.size(*PHONE, phone=True)
    browser.open("/")
    assert not browser.find("#nav").is_displayed()
    browser.find("#open-menu").click()
    browser.until(lambda: browser.find("#nav a[href='/hosts']").is_displayed())
    browser.press(Keys.ESCAPE)
    browser.until(lambda: not browser.find("#nav a[href='/hosts']").is_displayed())
