"""Trees travel between directories, object stores and volumes; only what is missing does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from dffs.sync.checkpoint import Checkpoint
from dffs.sync.directory import DirectoryTree
from dffs.sync.items import Item, Store, WriteOptions
from dffs.sync.objects import ObjectTree
from dffs.sync.planner import Rules
from dffs.sync.runner import Options, Outcome, Runner
from dffs.sync.volumes import VolumeTree
from dffs.tree import Tree
from dffs.volume import Volume
from tests.component.dffs_tools.conftest import make_volume

KIB = 1024


def _sync(
    source: Store, destination: Store, *, options: Options | None = None, **rules: Any
) -> Outcome:
    outcome = Runner(source, destination, Rules(**rules), options or Options(threads=4)).run()
    assert not outcome.errors
    return outcome


def _fill(folder: Path) -> dict[str, bytes]:
    files = {"a": b"1", "m/config.json": b"{}", "m/é": b"x" * 10, "m/w.bin": os.urandom(200 * KIB)}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


def _content(store: Store) -> dict[str, bytes]:
    return {item.key: b"".join(store.read(item)) for item in store.items() if not item.is_directory}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Volume]:
    with Volume.open(make_volume(tmp_path / "other", "other")) as opened:
        yield opened


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryTree:
    return DirectoryTree(tmp_path / "directory")


def test_from_directory_to_volume_to_objects_and_back(
    tmp_path: Path, volume: Volume, directory: DirectoryTree
) -> None:
    files = _fill(tmp_path / "source")
    tree, objects = VolumeTree(volume, "x/y", "v"), ObjectTree(MemoryStore(), "m", "prefix")
    assert _sync(DirectoryTree(tmp_path / "source"), tree).copied == len(files)
    assert _sync(tree, objects).copied == len(files)
    assert _sync(objects, directory).copied == len(files)
    assert _content(directory) == files
    for source, destination in [(tree, objects), (objects, directory), (directory, tree)]:
        again = _sync(source, destination)
        assert (again.copied, again.skipped) == (0, len(files))


def test_between_volumes_only_missing_blocks_travel(volume: Volume, other: Volume) -> None:
    first, second = Tree(volume.meta, volume.files), Tree(other.meta, other.files)
    old = os.urandom(640 * KIB)
    first.write("m/v1", [old])
    left, right = VolumeTree(volume, "m", "a"), VolumeTree(other, "mirror", "b")
    assert _sync(left, right).moved_bytes == 640 * KIB
    new = old[: 320 * KIB] + os.urandom(64 * KIB) + old[384 * KIB :]
    first.write("m/v2", [new])
    first.clone("m/v1", "m/copy")
    outcome = _sync(left, right)
    assert (outcome.copied, outcome.moved_bytes) == (2, 64 * KIB)
    with second.open_read("mirror/v2") as file:
        assert file.read() == new
    assert second.stat("mirror/v2").content == first.stat("m/v2").content != ""
    assert second.stat("mirror/v2").mtime_ns == first.stat("m/v2").mtime_ns
    assert not list(other.meta.check())


def test_sparse_and_uneven_files_between_volumes(volume: Volume, other: Volume) -> None:
    tree, there = Tree(volume.meta, volume.files), Tree(other.meta, other.files)
    attr = tree.write("m/sparse", [b"begin"])
    tree.meta.setattr(tree.caller, attr.ino, size=300 * KIB + 1)
    tree.write("m/short", [os.urandom(64 * KIB + 1)])
    tree.write("m/empty", [])
    outcome = _sync(VolumeTree(volume, "m", "a"), VolumeTree(other, "m", "b"))
    assert outcome.copied == 3
    for name in ("sparse", "short", "empty"):
        with tree.open_read(f"m/{name}") as one, there.open_read(f"m/{name}") as two:
            assert one.read() == two.read()


def test_deleting_links_and_directories(
    tmp_path: Path, volume: Volume, directory: DirectoryTree
) -> None:
    _fill(tmp_path / "source")
    (tmp_path / "source/link").symlink_to("m/config.json")
    (tmp_path / "source/empty").mkdir()
    source = DirectoryTree(tmp_path / "source", links=True)
    there = VolumeTree(volume, "t", "v", links=True)
    _sync(source, there, links=True, directories=True)
    tree = Tree(volume.meta, volume.files)
    assert tree.readlink("t/link") == "m/config.json"
    assert tree.find("t/empty") is not None
    (tmp_path / "source/a").unlink()
    (tmp_path / "source/empty").rmdir()
    outcome = _sync(source, there, links=True, directories=True, delete_destination=True)
    assert outcome.deleted == 2
    assert tree.find("t/a") is None
    back = DirectoryTree(tmp_path / "back", links=True)
    _sync(there, back, links=True, directories=True, delete_source=True)
    assert (tmp_path / "back/link").readlink() == Path("m/config.json")


def test_a_dry_run_changes_nothing(tmp_path: Path, directory: DirectoryTree) -> None:
    _fill(tmp_path / "source")
    outcome = _sync(DirectoryTree(tmp_path / "source"), directory, options=Options(dry=True))
    assert (outcome.copied, list(directory.items())) == (4, [])


def test_contents_are_compared_on_request(tmp_path: Path, directory: DirectoryTree) -> None:
    _fill(tmp_path / "source")
    source = DirectoryTree(tmp_path / "source")
    _sync(source, directory)
    (tmp_path / "directory/a").write_bytes(b"2")
    assert _sync(source, directory).copied == 0
    outcome = _sync(source, directory, check_all=True, options=Options(check_new=True))
    assert (outcome.copied, outcome.checked) == (1, 3)
    assert (tmp_path / "directory/a").read_bytes() == b"1"


class _Breaks(DirectoryTree):
    """Fails to take one key."""

    broken = "m/config.json"

    def write(self, item: Item, content: Iterator[bytes], options: WriteOptions) -> None:
        if item.key == self.broken:
            raise OSError(28, "No space left on device")
        super().write(item, content, options)


def test_what_failed_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    files = _fill(tmp_path / "source")
    source = DirectoryTree(tmp_path / "source")
    there = _Breaks(tmp_path / "there")
    file = tmp_path / "checkpoint.json"
    first = Runner(source, there, Rules(), Options(), checkpoint=Checkpoint(file, "n")).run()
    assert (first.copied, first.failed) == (3, 1)
    again = Checkpoint(file, "n")
    assert again.failed_before == ["m/config.json"]
    assert Checkpoint(file, "another command").resumed_after == ""
    there.broken = ""
    second = Runner(source, there, Rules(), Options(), checkpoint=again).run()
    assert (second.copied, second.failed) == (1, 0)
    assert _content(there) == files
    assert not file.exists()


def test_an_interrupted_run_goes_on_behind_what_is_done(tmp_path: Path) -> None:
    _fill(tmp_path / "source")
    file = tmp_path / "checkpoint.json"
    before = Checkpoint(file, "n")
    for key in ("a", "m/config.json"):
        before.begin(key)
        before.end(key)
    before.begin("m/w.bin")
    before.save()
    there = DirectoryTree(tmp_path / "there")
    resumed = Checkpoint(file, "n")
    outcome = Runner(DirectoryTree(tmp_path / "source"), there, Rules(), Options(),
                     checkpoint=resumed).run()  # fmt: skip
    assert set(_content(there)) == {"m/w.bin", "m/é"}
    assert outcome.copied == 2


class _Lost(DirectoryTree):
    """A source that goes away while it is listed."""

    def items(self, after: str = "") -> Iterator[Item]:
        yield from [item for item in super().items(after) if item.key < "m/x"]
        raise OSError(5, "gone")


def test_a_listing_that_breaks_off_leaves_a_checkpoint(tmp_path: Path) -> None:
    _fill(tmp_path / "source")
    file, there = tmp_path / "checkpoint.json", DirectoryTree(tmp_path / "there")
    broken = _Lost(tmp_path / "source")
    with pytest.raises(OSError, match="gone"):
        Runner(broken, there, Rules(), Options(), checkpoint=Checkpoint(file, "n")).run()
    assert Checkpoint(file, "n").resumed_after == "m/w.bin"


def test_large_objects_travel_in_parts(tmp_path: Path) -> None:
    store = MemoryStore()
    content = os.urandom(20 << 20)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/big").write_bytes(content)
    _sync(DirectoryTree(tmp_path / "source"), ObjectTree(store, "m"))
    assert bytes(obstore.get(store, "big").bytes()) == content
