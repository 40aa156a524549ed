"""``dfctl model`` against a manager with a volume."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.manager_jobs.bed import Bed, started
from tests.component.manager_jobs.command import dfctl
from tests.component.manager_jobs.volumes import introduce, make_volume


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    url = make_volume(tmp_path, "alpha")
    async with started(tmp_path, nodes=0) as made:
        await introduce(made, "alpha", url)
        yield made


def folder(path: Path, **files: bytes) -> Path:
    for name, content in files.items():
        target = path / name.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return path


async def test_a_model_is_pushed_listed_tagged_pulled_and_removed(bed: Bed, tmp_path: Path) -> None:
    model = folder(tmp_path / "model", config=b"{}", sub__weights=b"w" * 500_000, empty=b"")
    code, text = await dfctl(bed, "model", "push", str(model), "org/bert:v1", "--note", "one")
    assert (code, "uploaded 2, " in text) == (0, True), text
    folder(model, config=b"{2}")
    code, text = await dfctl(bed, "model", "push", str(model), "org/bert:v2", "--json")
    pushed = json.loads(text)
    assert (pushed["files"], pushed["uploaded_files"]) == (3, 1)
    assert (await dfctl(bed, "model", "tag", "org/bert:v2", "prod"))[0] == 0
    _, text = await dfctl(bed, "model", "ls")
    assert "prod, v1, v2" in text
    _, text = await dfctl(bed, "model", "ls", "org/bert")
    assert len(text.splitlines()) == 3
    _, text = await dfctl(bed, "model", "ls", "org/bert:v1")
    assert "sub/weights" in text
    there = tmp_path / "there"
    code, text = await dfctl(bed, "model", "pull", "org/bert:prod", str(there))
    assert (code, "downloaded 3" in text) == (0, True), text
    assert {
        p.relative_to(there).as_posix(): p.read_bytes() for p in there.rglob("*") if p.is_file()
    } == {p.relative_to(model).as_posix(): p.read_bytes() for p in model.rglob("*") if p.is_file()}
    (there / "config").write_bytes(b"bad")
    (there / "sub/weights.part").write_bytes(b"w" * 100)
    (there / "sub/weights").unlink()
    _, text = await dfctl(bed, "model", "pull", "org/bert:prod", str(there), "--json")
    assert json.loads(text)["downloaded_files"] == 2
    assert (there / "config").read_bytes() == b"{2}"
    assert (await dfctl(bed, "model", "rm", "org/bert:v1"))[0] == 0
    code, text = await dfctl(bed, "model", "rm", "org/bert")
    assert (code, "--all" in text) == (2, True)
    assert (await dfctl(bed, "model", "rm", "org/bert", "--all"))[0] == 0


async def test_volumes_are_made_known_by_a_url_that_is_not_shown(bed: Bed, tmp_path: Path) -> None:
    url = make_volume(tmp_path, "beta")
    assert (await dfctl(bed, "model", "volume", "set", "beta", stdin=url)) == (0, "")
    _, text = await dfctl(bed, "model", "volume", "ls")
    assert ("beta-objects" in text, "beta.db" in text) == (True, False)
    assert (await dfctl(bed, "model", "volume", "rm", "beta"))[0] == 0
    code, text = await dfctl(bed, "model", "volume", "set", "x", stdin="sqlite:////no/such.db")
    assert (code, "no such file" in text) == (2, True)


async def test_what_is_wrong_is_one_line(bed: Bed, tmp_path: Path) -> None:
    for arguments, code, word in (
        (("push", str(tmp_path / "nowhere"), "org/x"), 2, "no such folder"),
        (("push", str(tmp_path), "noorg"), 2, "org/name"),
        (("pull", "org/nothing:v1", str(tmp_path / "x")), 1, "no model"),
    ):
        found, text = await dfctl(bed, "model", *arguments)
        assert (found, word in text, len(text.splitlines())) == (code, True, 1), text
