"""The pictures of the README: taken here, so that they show what is.

They go to a temporary folder; with MEGANEURA_PICTURES=1 to docs/images.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.console.browser import PHONE, Browser, browsing
from tests.console.registry import MODEL, Registry
from tests.console.site import PASSWORD, Site
from tests.console.swarm import Shape, task_id_of

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE = (1280, 800)
MOST_BYTES = 150_000
SHOTS = {
    "console-overview": ("/", "dark", SIZE),
    "console-overview-light": ("/", "light", SIZE),
    "console-download": (f"/tasks/{task_id_of(0)}", "dark", (1200, 840)),
    "console-preheat": ("/jobs/1", "light", SIZE),
    "console-model": (f"/models/{MODEL}", "light", SIZE),
    "console-cluster": ("/clusters/1", "dark", SIZE),
    "console-phone": ("/", "dark", PHONE),
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Browser]:
    shape = Shape(hosts=640, seeds=4, tasks=12, peers_per_task=28)
    with (
        Site(tmp_path_factory.mktemp("studio"), shape) as running,
        browsing(running.url) as browser,
    ):
        registry = Registry(running.url, PASSWORD, tmp_path_factory.mktemp("registry"))
        registry.push("v1", note="first take")
        registry.push("v2", "prod", note="trained longer", weights=2)
        rule = {"name": "to virginia", "model_pattern": "acme/*", "tag_pattern": "prod"}
        registry.root.post("/api/v1/replication-rules", target="virginia", **rule)
        browser.size(*SIZE)
        browser.sign_in("root", PASSWORD)
        yield browser


@pytest.mark.parametrize("name", SHOTS)
def test_a_picture_shows_something_and_is_small(studio: Browser, tmp_path: Path, name: str) -> None:
    path, theme, size = SHOTS[name]
    studio.theme(theme, still=False)
    studio.size(*size, phone=size == PHONE)
    studio.open(path)
    news = "return performance.getEntriesByType('resource').some((e) => e.name.includes('_live'))"
    if studio.script("return document.querySelector('main').dataset.live"):
        studio.until(lambda: studio.script(news))
    folder = IMAGES if os.environ.get("MEGANEURA_PICTURES") else tmp_path
    target = folder / f"{name}.png"
    studio.picture(target)
    Image.open(target).convert("RGB").quantize(
        256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    ).save(target, optimize=True)
    content = target.read_bytes()
    assert struct.unpack(">II", content[16:24]) == size
    assert 15_000 < len(content) < MOST_BYTES
