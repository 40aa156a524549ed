"""Chromium as a person would use it: windows, themes, keys, and what the console of the browser said."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 20.0
WIDE, PHONE = (1440, 900), (390, 844)
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


class Browser:
    """One window. `base` is the address of the site."""

    def __init__(self, driver: webdriver.Chrome, base: str) -> None:
        self.driver = driver
        self.base = base
        self.cdp("Network.enable")

    def cdp(self, command: str, **arguments: Any) -> Any:
        """Chromium's own protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def open(self, path: str) -> None:
        self.driver.get(self.base + path)
        self.settle()

    def settle(self) -> None:
        """Fonts are there and two frames have been drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; document.fonts.ready.then(() => requestAnimationFrame("
            "() => requestAnimationFrame(done)));"
        )

    def size(self, width: int, height: int, *, phone: bool = False, scale: float = 1.0) -> None:
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=phone,
        )

    def theme(self, name: str, *, still: bool = True) -> None:
        """What the operating system says it prefers."""
        motion = "reduce" if still else "no-preference"
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": name},
                {"name": "prefers-reduced-motion", "value": motion},
            ],
        )

    def sign_in(self, name: str, password: str) -> None:
        self.driver.delete_all_cookies()
        self.open("/signin")
        self.fill("input[name=name]", name)
        self.fill("input[name=password]", password + Keys.ENTER)
        self.until(lambda: not self.path.startswith("/signin"))
        self.settle()

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.base)

    def find(self, selector: str) -> WebElement:
        return WebDriverWait(self.driver, PATIENCE_S).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, selector)
        )

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def fill(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Type on whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self) -> str:
        """The text or name of what has the focus."""
        return str(
            self.script(
                "const e = document.activeElement; return e.getAttribute('aria-label') || "
                "e.getAttribute('name') || e.textContent.trim()"
            )
        )

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def until(self, condition: Any) -> None:
        waiting = WebDriverWait(self.driver, PATIENCE_S, 0.1, [WebDriverException])
        waiting.until(lambda _: condition())

    def complaints(self) -> list[str]:
        """What the browser's console said since the last call: errors and refused loads."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[dict[str, Any]]:
        """Requests since the last call: url, bytes over the wire."""
        seen: dict[str, dict[str, Any]] = {}
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            params = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                seen[params["requestId"]] = {"url": params["request"]["url"], "bytes": 0}
            elif message["method"] == "Network.loadingFinished" and params["requestId"] in seen:
                seen[params["requestId"]]["bytes"] = int(params["encodedDataLength"])
        return list(seen.values())

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of the window, or of the whole page."""
        import base64

        path.parent.mkdir(parents=True, exist_ok=True)
        taken = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def browsing(base: str) -> Iterator[Browser]:
    """A fresh, headless Chromium with a profile of its own."""
    options = Options()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_argument("--hide-scrollbars")
    options.add_argument("--force-color-profile=srgb")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options.add_argument(f"--user-data-dir={profile}")
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        driver.set_script_timeout(PATIENCE_S)
        try:
            yield Browser(driver, base)
        finally:
            driver.quit()
