"""The commands on a volume, without a mount."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dfcore.errors import BadInput, NotFound
from dffs.cli.commands import COMMANDS
from dffs.cli.main import command as dffs
from dffs.meta.fs import Meta
from dffs.object.opening import Location, open_store
from dffs.tree import Tree
from dffs.upkeep import objects
from dffs.volume import Volume
from tests.component.dffs_tools.conftest import KIB, make_volume

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str]:
        code = dffs.main([str(word) for word in words], standalone_mode=False)
        return int(code or 0), capsys.readouterr().out

    return call


@pytest.fixture
def filled(meta_url: str) -> str:
    with Volume.open(meta_url) as volume:
        tree = Tree(volume.meta, volume.files)
        tree.write("org/m/w.bin", [os.urandom(300 * KIB)])
        tree.write("org/m/config.json", [b"{}"])
        tree.clone("org/m", "org/copy")
    return meta_url


def test_every_command_explains_itself(run: Run) -> None:
    for name in COMMANDS:
        code, text = run(name, "--help")
        assert (code, "Usage:" in text) == (0, True)


def test_clone_snapshot_summary_and_rmr(filled: str, run: Run) -> None:
    run("clone", f"{filled}#/org/m", f"{filled}#/org/second")
    run("snapshot", f"{filled}#/org", f"{filled}#/revisions/1")
    with Volume.open(filled) as volume:
        tree = Tree(volume.meta, volume.files)
        assert len(volume.meta.block_uses()) == 6
        with pytest.raises(PermissionError):
            _raise_as_os_error(lambda: tree.write("revisions/1/new", [b"x"]))
    _, text = run("summary", f"{filled}#/", "--csv")
    assert f"/revisions/1,{3 * (300 * KIB + 2)},4,6" in text
    with pytest.raises(OSError, match="not permitted"):
        run("rmr", f"{filled}#/revisions")
    assert "removed" in run("rmr", "--immutable", "--skip-trash", f"{filled}#/revisions")[1]
    assert run("fsck", filled)[0] == 0


def _raise_as_os_error(call: Callable[[], object]) -> None:
    try:
        call()
    except OSError as error:
        raise OSError(error.errno, error.strerror) from error


def test_info_by_either_way_of_naming(filled: str, run: Run) -> None:
    first = json.loads(run("info", filled, "org/m/w.bin")[1])
    second = json.loads(run("info", f"{filled}#/org/m/w.bin")[1])
    assert first["content"] == second["content"] != ""
    with pytest.raises(BadInput, match="which files"):
        run("info", filled)


def test_trash_is_shown_and_put_back(filled: str, run: Run) -> None:
    run("rmr", f"{filled}#/org/m/w.bin")
    hour = time.strftime("%Y-%m-%d-%H")
    assert "/org/m/w.bin" in run("restore", filled, hour)[1]
    assert run("restore", filled, "--put-back", "--name", "w.*")[0] == 0
    with Volume.open(filled) as volume:
        assert Tree(volume.meta, volume.files).stat("org/m/w.bin").size_bytes == 300 * KIB
    with pytest.raises(BadInput, match="hour"):
        run("restore", filled, "yesterday")


def test_a_quota_holds(filled: str, run: Run) -> None:
    run("quota", "set", filled, "--path", "org", "--capacity", "1M", "--inodes", "100")
    assert "1MiB" in run("quota", "get", filled, "--path", "org")[1]
    with Volume.open(filled) as volume:
        tree = Tree(volume.meta, volume.files)
        with pytest.raises(OSError, match="quota"):
            tree.write("org/big", [os.urandom(600 * KIB)])
        assert tree.find("org/big") is None
    assert run("quota", "check", filled, "--path", "org")[0] == 0
    run("quota", "delete", filled, "--path", "org")
    with pytest.raises(NotFound):
        run("quota", "get", filled, "--path", "org")


def test_a_dump_fills_another_engine(filled: str, run: Run, tmp_path: Path) -> None:
    run("dump", filled, tmp_path / "dump.json.gz")
    other = f"sqlite:///{tmp_path}/other.db"
    run("load", other, tmp_path / "dump.json.gz")
    assert run("fsck", other)[0] == 0
    with Volume.open(filled) as one, Volume.open(other) as two:
        first, second = (Tree(v.meta, v.files) for v in (one, two))
        with first.open_read("org/m/w.bin") as left, second.open_read("org/m/w.bin") as right:
            assert left.read() == right.read()
    (tmp_path / "nonsense").write_text("nonsense\n")
    with pytest.raises(BadInput):
        run("load", f"sqlite:///{tmp_path}/third.db", tmp_path / "nonsense")


def test_a_dump_holds_no_secrets(tmp_path: Path, run: Run) -> None:
    url = make_volume(tmp_path / "v", access_key="AK", secret_key="a very secret key")
    run("dump", url, tmp_path / "plain")
    assert b"a very secret key" not in _values(tmp_path / "plain")
    run("dump", url, tmp_path / "kept", "--keep-secret-key")
    assert b"a very secret key" in _values(tmp_path / "kept")


def _values(dump: Path) -> bytes:
    records = [json.loads(line) for line in dump.read_text().splitlines()]
    return b"".join(base64.b64decode(one["v"]) for one in records if "v" in one)


def test_missing_and_damaged_objects_are_found(filled: str, run: Run, tmp_path: Path) -> None:
    assert run("verify", filled)[0] == 0
    there = sorted((tmp_path / "volume/objects/models/blocks").rglob("*"))
    files = [path for path in there if path.is_file()]
    big = [path for path in files if path.stat().st_size > 10]
    big[0].write_bytes(os.urandom(big[0].stat().st_size))
    code, text = run("verify", filled)
    assert (code, "damaged file: /org/m/w.bin" in text) == (1, True)
    assert run("fsck", filled)[0] == 0, "fsck does not read contents"
    big[1].unlink()
    code, text = run("fsck", filled)
    assert (code, "1 missing" in text, "/org/copy/w.bin" in text) == (1, True, True)


def test_dead_and_leaked_objects_are_collected(filled: str, run: Run, tmp_path: Path) -> None:
    run("rmr", "--skip-trash", f"{filled}#/org")
    with Volume.open(filled) as volume:
        assert isinstance(volume.meta, Meta)
        volume.meta.bury_orphans(grace_s=0)
    leaked = os.urandom(32).hex()
    folder = tmp_path / "volume/objects/models/blocks" / leaked[:2] / leaked[2:4]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / leaked).write_bytes(b"leaked")
    assert "leaked: 0 objects" in run("gc", filled)[1], "it may be under way to be used"
    os.utime(folder / leaked, (1, 1))
    _, text = run("gc", filled)
    assert "6 dead" in text
    assert "leaked: 1 objects" in text
    assert "nothing was changed" in text
    run("gc", filled, "--delete", "--age", "0")
    _, text = run("gc", filled, "--delete", "--age", "0")
    assert "bucket: 0 objects" in run("gc", filled)[1]


def test_uploads_that_were_never_finished_are_collected(
    filled: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Volume.open(filled) as volume:
        tree = Tree(volume.meta, volume.files)
        partial, attr = tree.begin(tree.root, b"begun")
        tree.meta.release(attr.ino)
    assert "unfinished: 0" in run("gc", filled)[1]
    monkeypatch.setattr(objects, "PARTIAL_AGE_S", -1)
    assert "unfinished: 1" in run("gc", filled)[1]
    run("gc", filled, "--delete")
    with Volume.open(filled) as volume:
        assert Tree(volume.meta, volume.files).find(os.fsdecode(partial)) is None


def test_the_change_feed_is_printed(meta_url: str, run: Run) -> None:
    with pytest.raises(BadInput, match="changelog"):
        run("changelog", meta_url, "--no-follow")
    run("config", meta_url, "--changelog")
    with Volume.open(meta_url) as volume:
        Tree(volume.meta, volume.files).mkdirs("org/m")
    _, text = run("changelog", meta_url, "--no-follow")
    told = [json.loads(line) for line in text.splitlines()]
    assert [(one["kind"], one["name"]) for one in told if one["kind"] == "mkdir"] == [
        ("mkdir", "org"),
        ("mkdir", "m"),
    ]


def test_sync_from_the_command_line(
    filled: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MEGANEURA_VOLUME_MODELS", filled)
    code, text = run("sync", "dffs://models/org/", f"{tmp_path}/out/", "--exclude", "*.json")
    assert (code, "2 copied" in text) == (0, True)
    assert not (tmp_path / "out/m/config.json").exists()
    assert "4 would be copied" in run("sync", "--dry", f"{filled}#/org/", f"{tmp_path}/dry/")[1]
    with pytest.raises(BadInput, match="slash"):
        run("sync", f"{tmp_path}/out/", f"{tmp_path}/other")
    with pytest.raises(NotFound, match="MEGANEURA_VOLUME_NONE"):
        run("sync", "dffs://none/", f"{tmp_path}/x/")


def test_bench_and_objbench(run: Run, tmp_path: Path) -> None:
    _, text = run("bench", tmp_path, "--big-file-size", "2M", "--small-file-count", 3, "--json")
    assert all(value > 0 for value in json.loads(text).values())
    assert list(tmp_path.iterdir()) == []
    code, text = run("objbench", tmp_path / "b", "--big-object-size", "4M", "--small-objects", 2,
                     "--json")  # fmt: skip
    assert (code, set(json.loads(text)["checks"].values())) == (0, {"pass"})
    store = open_store(Location("file", str(tmp_path / "b")))
    assert list(store.list()) == []


def test_what_is_no_target_is_told(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not on a mount"):
        run("rmr", tmp_path)
    with pytest.raises(BadInput):
        run("rmr", "http://x/y")
    with pytest.raises(click.UsageError):
        run("rmr")
