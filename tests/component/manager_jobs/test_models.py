"""The model registry by REST, over a volume."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dffs.tree import Tree
from dffs.volume import Volume
from tests.component.manager_jobs.bed import Bed, started
from tests.component.manager_jobs.volumes import digest_of, introduce, make_volume, push, upload

FILES = {"config.json": b"{}", "model/weights.bin": b"w" * 200_000, "empty": b""}
MODEL = "org/bert"
BASE = f"/api/v1/models/{MODEL}"


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    make_volume(tmp_path, "alpha")
    async with started(tmp_path, nodes=0) as made:
        await introduce(made, "alpha", f"sqlite:///{tmp_path / 'alpha.db'}")
        yield made


@pytest.fixture
def tree(bed: Bed, tmp_path: Path) -> Iterator[Tree]:
    """The volume as another client sees it."""
    with Volume.open(f"sqlite:///{tmp_path / 'alpha.db'}") as volume:
        yield Tree(volume.meta, volume.files)


def read(tree: Tree, path: str) -> bytes:
    with tree.open_read(path) as reader:
        return reader.read()


async def test_a_pushed_version_is_a_folder_and_a_tag_leads_to_it(bed: Bed, tree: Tree) -> None:
    revision, uploaded = await push(bed, MODEL, FILES, "v1", "prod", note="first")
    assert len(uploaded) == 2  # an empty file is everywhere
    for path, content in FILES.items():
        assert read(tree, f"models/{MODEL}/v1/{path}") == content
    assert tree.readlink(f"models/{MODEL}/prod") == f".versions/{revision[:32]}"
    model = await bed.client.ask("GET", BASE)
    assert (model["tags"], model["versions"], model["size_bytes"]) == (["prod", "v1"], 1, 200_002)
    version = await bed.client.ask("GET", f"{BASE}/versions/prod")
    assert (version["revision"], version["note"], version["uploader"]) == (
        revision,
        "first",
        "root",
    )
    files = await bed.client.ask("GET", f"{BASE}/versions/{revision[:12]}/files")
    assert {f["path"]: f["digest"] for f in files} == {p: digest_of(c) for p, c in FILES.items()}
    assert not tree.find(".meganeura/uploads/1")


async def test_what_is_stored_is_not_uploaded_again(bed: Bed) -> None:
    first, _ = await push(bed, MODEL, FILES, "v1")
    again, uploaded = await push(bed, MODEL, FILES, "v2")
    assert (again, uploaded) == (first, [])
    other = {**FILES, "config.json": b"{'a': 1}"}
    _, uploaded = await push(bed, "other/model", other, "v1")
    assert uploaded == [digest_of(b"{'a': 1}")]


async def test_a_tag_moves_and_readers_see_one_tree_or_the_other(bed: Bed, tree: Tree) -> None:
    old, _ = await push(bed, MODEL, {"a": b"old", "b": b"old"}, "prod")
    new, _ = await push(bed, MODEL, {"a": b"new", "b": b"new"}, "canary")
    held = tree.stat(f"models/{MODEL}/prod")
    await bed.client.ask("PUT", f"{BASE}/tags/prod", {"version": "canary"})
    assert read(tree, f"models/{MODEL}/prod/a") == b"new"
    kept = {entry.name: entry.ino for entry in tree.entries(held.ino)}
    assert set(kept) == {b"a", b"b"}  # who is inside the old tree stays in it
    tags = await bed.client.ask("GET", f"{BASE}/tags")
    assert {t["name"]: t["revision"] for t in tags} == {"prod": new, "canary": new}
    await bed.client.ask("PUT", f"{BASE}/tags/prod", {"version": old})
    await bed.client.ask("DELETE", f"{BASE}/tags/canary")
    assert tree.find(f"models/{MODEL}/canary", follow=False) is None
    await bed.client.ask("PUT", f"{BASE}/tags/prod", {"version": "nothing"}, status=404)


async def test_an_upload_goes_on_where_it_stopped(bed: Bed) -> None:
    content = bytes(range(256)) * 1000
    wish = {"files": [{"path": "x", "size_bytes": len(content), "digest": digest_of(content)}]}
    begun = await bed.client.ask("POST", f"{BASE}/versions", wish)
    where = f"{BASE}/pushes/{begun['version_id']}"
    await bed.client.ask("POST", f"{where}/commit", {"tags": ["v1"]})  # says what is missing
    part = content[:100_000]
    async with bed.client.session.put(
        f"{bed.client.base}{where}/{digest_of(content)}",
        data=part,
        headers={"Authorization": f"Bearer {bed.client.token}"},
    ) as answer:
        assert (await answer.json()) == {"received_bytes": 100_000, "complete": False}
    told = await bed.client.ask("GET", f"{where}/{digest_of(content)}")
    assert told["received_bytes"] == 100_000
    await upload(bed, where, content, offset=100_000)
    done = await bed.client.ask("POST", f"{where}/commit", {"tags": ["v1"]})
    assert done["ready"]


async def test_wrong_bytes_are_refused(bed: Bed) -> None:
    wish = {"files": [{"path": "x", "size_bytes": 3, "digest": digest_of(b"abc")}]}
    begun = await bed.client.ask("POST", f"{BASE}/versions", wish)
    url = f"{bed.client.base}{BASE}/pushes/{begun['version_id']}/{digest_of(b'abc')}"
    head = {"Authorization": f"Bearer {bed.client.token}"}
    for body in (b"abd", b"abcd"):
        async with bed.client.session.put(url, data=body, headers=head) as answer:
            assert answer.status == 400, await answer.text()
    done = await bed.client.ask("POST", f"{BASE}/pushes/{begun['version_id']}/commit", {})
    assert (done["ready"], done["missing"]) == (False, [digest_of(b"abc")])


async def test_content_is_downloaded_with_ranges(bed: Bed) -> None:
    await push(bed, MODEL, FILES, "v1")
    content = FILES["model/weights.bin"]
    url = f"{bed.client.base}{BASE}/content/{digest_of(content)}"
    head = {"Authorization": f"Bearer {bed.client.token}"}
    async with bed.client.session.get(url, headers=head) as answer:
        assert await answer.read() == content
    async with bed.client.session.get(url, headers={**head, "Range": "bytes=5-9"}) as answer:
        assert (answer.status, await answer.read()) == (206, content[5:10])
        assert answer.headers["Content-Range"] == "bytes 5-9/200000"
    async with bed.client.session.get(url, headers={**head, "Range": "bytes=999999-"}) as answer:
        assert answer.status == 416
    async with bed.client.session.get(url) as answer:
        assert answer.status == 401


async def test_versions_and_models_are_removed(bed: Bed, tree: Tree) -> None:
    old, _ = await push(bed, MODEL, {"a": b"old"}, "v1")
    await bed.client.ask("DELETE", f"{BASE}/versions/v1", status=400)  # it is tagged
    await push(bed, MODEL, {"a": b"new"}, "v1")
    await bed.client.ask("DELETE", f"{BASE}/versions/{old}")
    assert tree.find(f"models/{MODEL}/.versions/{old[:32]}") is None
    await bed.client.ask("DELETE", "/api/v1/volumes/alpha", status=400)
    await bed.client.ask("DELETE", BASE)
    assert tree.find(f"models/{MODEL}") is None
    await bed.client.ask("GET", BASE, status=404)
    await bed.client.ask("DELETE", "/api/v1/volumes/alpha")


async def test_retention_lets_untagged_versions_go(bed: Bed) -> None:
    await push(bed, MODEL, {"a": b"0"}, "keep")
    for number in range(1, 5):
        await push(bed, MODEL, {"a": str(number).encode()})
    await bed.client.ask("PATCH", BASE, {"keep_versions": 2})
    versions = await bed.client.until(f"{BASE}/versions", lambda found: len(found) == 3)
    assert [v["tags"] for v in versions] == [[], [], ["keep"]]


async def test_a_folder_of_the_volume_becomes_a_version(bed: Bed, tree: Tree) -> None:
    tree.write("incoming/bert/config.json", [b"{}"])
    tree.write("incoming/bert/w/1.bin", [b"1" * 1000], digest=digest_of(b"1" * 1000))
    wish = {"path": "incoming/bert", "tags": ["v1"], "note": "by S3"}
    version = await bed.client.ask("POST", f"{BASE}/import", wish)
    assert (version["files"], version["tags"]) == (2, ["v1"])
    assert read(tree, f"models/{MODEL}/v1/w/1.bin") == b"1" * 1000
    await bed.client.ask("POST", f"{BASE}/import", {"path": "nowhere"}, status=404)
    for path in ("", "/", "models", "./models/org", "a/../models", ".meganeura/uploads"):
        await bed.client.ask("POST", f"{BASE}/import", {"path": path}, status=400)


async def test_paths_stay_inside_of_the_model(bed: Bed) -> None:
    for path in ("../x", "/x", "a//b", "a/./b", "", "a\0b", "x" * 300):
        wish = {"files": [{"path": path, "size_bytes": 1, "digest": digest_of(b"a")}]}
        answer = await bed.client.ask("POST", f"{BASE}/versions", wish, status=400)
        assert "files" in answer["message"]


async def test_guests_read_and_do_not_write(bed: Bed) -> None:
    await push(bed, MODEL, FILES, "v1")
    await bed.guest.ask("GET", BASE)
    await bed.guest.ask("PUT", f"{BASE}/tags/v2", {"version": "v1"}, status=403)
    await bed.guest.ask("DELETE", BASE, status=403)
    await bed.guest.ask("PUT", "/api/v1/volumes/x", {"meta_url_secret": "x"}, status=403)
