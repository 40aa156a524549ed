from __future__ import annotations

from dffs.meta.types import Change
from dffs.vfs.kernel.follower import Follower


class _Feed:
    def __init__(self) -> None:
        self.all: list[Change] = []

    def add(self, kind: str, ino: int, parent: int = 0, name: bytes = b"", *, sid: int = 2) -> None:
        self.all.append(Change(len(self.all) + 1, 0, kind, ino, parent, name, sid=sid))

    def changes(self, after_seq: int = 0, limit: int = 1000) -> list[Change]:
        return [change for change in self.all if change.seq > after_seq][:limit]


class _Kernel:
    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def inode_changed(self, node: int, offset: int = 0, length: int = 0) -> bool:
        self.told.append(("content", node))
        return True

    def attributes_changed(self, node: int) -> bool:
        self.told.append(("attributes", node))
        return True

    def name_changed(self, parent: int, name: bytes, *, expire: bool = False) -> bool:
        self.told.append(("name", parent, name))
        return True


def test_the_kernel_hears_of_what_others_did_and_of_nothing_else() -> None:
    feed, kernel = _Feed(), _Kernel()
    feed.add("write", 4)  # before we came
    follower = Follower(feed, kernel, lambda ino: ino + 100, own=1)
    feed.add("write", 5)
    feed.add("write", 6, sid=1)
    feed.add("create", 7, 9, b"new")
    feed.add("setattr", 5)
    follower.catch_up()
    follower.catch_up()
    assert kernel.told == [
        ("content", 105),
        ("name", 109, b"new"),
        ("attributes", 109),
        ("attributes", 105),
    ]


def test_a_rename_changes_two_names() -> None:
    feed, kernel = _Feed(), _Kernel()
    follower = Follower(feed, kernel, lambda ino: ino, own=1)
    feed.all.append(Change(1, 0, "rename", 5, 8, b"old", 9, b"new", sid=2))
    follower.catch_up()
    assert ("name", 8, b"old") in kernel.told
    assert ("name", 9, b"new") in kernel.told


def test_a_reader_without_a_session_hears_of_everything() -> None:
    feed, kernel = _Feed(), _Kernel()
    follower = Follower(feed, kernel, lambda ino: ino, own=0)
    feed.add("write", 5, sid=0)
    follower.catch_up()
    assert kernel.told == [("content", 5)]
