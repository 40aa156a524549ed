"""What pages are made of, without a server: files, links, words, the graph."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from dfcore.errors import NotFound
from manager.auth.permissions import Role, permissions_of
from manager.auth.principal import Principal
from manager.console.assets import FOLDER, Assets
from manager.console.nav import MENU, menu_for
from manager.console.render import FOLDER as TEMPLATES
from manager.console.render import Renderer
from manager.console.server import local_path
from manager.console.views import PAGES
from manager.console.views.control import differences, scope_of
from manager.console.views.jobs import subject, target
from manager.console.views.tasks import graph_of
from tests.console.swarm import TARGETS, Shape, StandInSwarm, task_id_of

ASSETS = Assets()


def test_files_are_named_by_their_content_and_kept() -> None:
    url = ASSETS.url("app.css")
    tag = url.split("/")[2]
    answer = ASSETS.answer(tag, "app.css", "gzip, br")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    body = gzip.decompress(bytes(answer.body))  # type: ignore[arg-type]
    assert ASSETS.url("vendor/inter.woff2").encode() in body
    assert ASSETS.answer("0" * 12, "app.css", "").headers["Cache-Control"] == "no-cache"


def test_scripts_name_the_version_that_is_served() -> None:
    tag = ASSETS.url("overview.js").split("/")[2]
    text = bytes(ASSETS.answer(tag, "overview.js", "").body).decode()  # type: ignore[arg-type]
    assert f'from "{ASSETS.url("app.js")}"' in text


@pytest.mark.parametrize("name", ["nothing.js", "../server.py", "vendor/README.md"])
def test_other_files_are_not_served(name: str) -> None:
    with pytest.raises(NotFound):
        ASSETS.answer("0" * 12, name, "")


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text()
        assert not re.search(r'(src|href)="(https?:)?//', text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text), path
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag or "application/json" in tag, (path, tag)
    for path in (*FOLDER.glob("*.js"), *FOLDER.glob("*.css")):
        assert not re.search(r"https?://(?!www\.w3\.org)", path.read_text()), path


def test_every_licence_is_there() -> None:
    vendored = {path.stem for path in Path(FOLDER / "vendor").iterdir() if path.suffix == ".js"}
    assert vendored == {"uplot"}
    assert all((FOLDER / "vendor" / f"{name}.LICENSE").exists() for name in ("uplot", "inter"))


def test_every_template_compiles_and_every_fresh_block_is_in_it() -> None:
    renderer = Renderer(ASSETS)
    for page in PAGES:
        if page.template:
            compiled = renderer._environment.get_template(page.template)
            assert set(page.live) <= set(compiled.blocks), page.path
            text = (TEMPLATES / page.template).read_text()
            assert all(f'data-part="{name}"' in text for name in page.live), page.path


def test_the_menu_shows_what_one_may_open() -> None:
    def titles(role: Role) -> set[str]:
        who = Principal(1, "x", permissions=permissions_of(role))
        return {entry.title for group in menu_for(who) for entry in group.entries}

    assert "Audit" in titles(Role.OPERATOR)
    assert not {"Audit", "Users", "Secrets"} & titles(Role.GUEST)
    keys = [entry.key for group in MENU for entry in group.entries]
    assert len(keys) == len(set(keys))
    paths = {page.path for page in PAGES}
    assert {entry.path for group in MENU for entry in group.entries} <= paths


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/jobs?page=2", "/jobs?page=2"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/signin?next=/signin", "/"),
        ("/jobs\n", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_sign_in_leads_to_our_own_pages_only(path: str, leads_to: str) -> None:
    assert local_path(path) == leads_to


def test_differences_are_told_key_by_key() -> None:
    before = {"name": "a", "peer_cluster_config": {"load_limit": 5, "x": {"y": [1, 2]}}}
    after = {"name": "a", "peer_cluster_config": {"load_limit": 6}, "bio": ""}
    told = [(c.key, c.before, c.after) for c in differences(before, after)]
    assert told == [("peer.load_limit", "5", "6"), ("peer.x.y", "1, 2", None)]


def test_scopes_in_words() -> None:
    assert scope_of({}) == "any host"
    assert scope_of({"idc": "fra1", "cidrs": ["10.0.0.0/8"]}) == "fra1, 10.0.0.0/8"


class Job:
    bio = ""
    type = "preheat"

    def __init__(self, **args: object) -> None:
        self.args = args


def test_jobs_in_words() -> None:
    assert subject(Job(urls=["hf://a/b", "hf://a/c"])) == "hf://a/b and 1 more"
    assert subject(Job(task_id="f" * 64)) == f"task {'f' * 12}"
    assert subject(Job()) == "Preheat"
    assert target(Job(scope="all_peers", percentage=50)) == "50 % of all hosts"
    assert target(Job(ips=["a", "b"])) == "2 named hosts"
    assert target(Job()) == "one seed"


async def test_edges_of_the_graph_lead_to_its_nodes() -> None:
    swarm = StandInSwarm(Shape(hosts=12, tasks=1, peers_per_task=6), lambda: 1e9)
    detail = await swarm.task(TARGETS[0], task_id_of(0))
    graph = graph_of(detail, list(detail.peers)[:4])
    assert len(graph["peers"]) == 4
    ends = {end for edge in graph["edges"] for end in edge[:2]}
    assert ends <= {-1, 0, 1, 2, 3}
    assert (-1, 0) in {edge[:2] for edge in graph["edges"]}
