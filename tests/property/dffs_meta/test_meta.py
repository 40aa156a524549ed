"""Random operations on metadata and on a simple model: same answers, same refusals, no
contradictions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dffs.meta.fs import Meta, open_meta
from dffs.meta.types import (
    ROOT_CALLER,
    ROOT_INO,
    Block,
    FileKind,
    MetaError,
    QuotaKind,
    RenameFlag,
    Settings,
)
from tests.property.dffs_meta.model import BLOCK, Model, Thing

NAMES = st.sampled_from([b"a", b"b", b"c"])
FOLDERS = st.lists(NAMES, max_size=2).map(tuple)
PATHS = st.tuples(FOLDERS, NAMES)
FLAGS = st.sampled_from([RenameFlag.NONE] * 4 + [RenameFlag.NOREPLACE, RenameFlag.EXCHANGE])
Path_ = tuple[tuple[bytes, ...], bytes]


class Walk(RuleBasedStateMachine):
    """One client."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.known: dict[int, Thing] = {}
        self.meta = self.open()
        self.meta.create_volume(Settings(block_size_bytes=BLOCK), b"{}")
        self.meta.set_quota(QuotaKind.DIRECTORY, ROOT_INO, max_bytes=0, max_inodes=0)
        self.meta.set_quota(QuotaKind.USER, 0, max_bytes=0, max_inodes=0)

    def open(self) -> Meta:
        return open_meta("memory://")

    def both(self, ours: Callable[[], object], models: Callable[[], object]) -> None:
        """The same outcome, or the same refusal."""
        wanted = got = None
        try:
            models()
        except MetaError as error:
            wanted = error.errno
        try:
            ours()
        except MetaError as error:
            got = error.errno
        assert got == wanted

    def folder(self, path: tuple[bytes, ...]) -> int:
        ino = ROOT_INO
        for name in (*path, b"."):
            ino = self.meta.lookup(ROOT_CALLER, ino, name).ino
        return ino

    def at(self, path: Path_) -> int:
        return self.meta.lookup(ROOT_CALLER, self.folder(path[0]), path[1]).ino

    @rule(path=PATHS)
    def mkdir(self, path: Path_) -> None:
        self.both(
            lambda: self.meta.mkdir(ROOT_CALLER, self.folder(path[0]), path[1], 0o755),
            lambda: self.model.put(*path, Thing(entries={})),
        )

    @rule(path=PATHS)
    def create(self, path: Path_) -> None:
        self.both(
            lambda: self.meta.mknod(
                ROOT_CALLER, self.folder(path[0]), path[1], FileKind.FILE, 0o644
            ),
            lambda: self.model.put(*path, Thing()),
        )

    @rule(path=PATHS)
    def symlink(self, path: Path_) -> None:
        self.both(
            lambda: self.meta.symlink(ROOT_CALLER, self.folder(path[0]), path[1], b"."),
            lambda: self.model.put(*path, Thing(target=b".", size=1)),
        )

    @rule(path=PATHS)
    def unlink(self, path: Path_) -> None:
        self.both(
            lambda: self.meta.unlink(ROOT_CALLER, self.folder(path[0]), path[1]),
            lambda: self.model.unlink(*path),
        )

    @rule(path=PATHS)
    def rmdir(self, path: Path_) -> None:
        self.both(
            lambda: self.meta.rmdir(ROOT_CALLER, self.folder(path[0]), path[1]),
            lambda: self.model.rmdir(*path),
        )

    @rule(old=PATHS, new=PATHS, flags=FLAGS)
    def rename(self, old: Path_, new: Path_, flags: RenameFlag) -> None:
        def ours() -> None:
            source, target = self.folder(old[0]), self.folder(new[0])
            self.meta.rename(ROOT_CALLER, source, old[1], target, new[1], flags)

        self.both(ours, lambda: self.model.rename(old, new, flags))

    @rule(old=PATHS, new=PATHS)
    def link(self, old: Path_, new: Path_) -> None:
        self.both(
            lambda: self.meta.link(ROOT_CALLER, self.at(old), self.folder(new[0]), new[1]),
            lambda: self.model.link((*old[0], old[1]), *new),
        )

    @rule(old=PATHS, new=PATHS)
    def clone(self, old: Path_, new: Path_) -> None:
        self.both(
            lambda: self.meta.clone(ROOT_CALLER, self.at(old), self.folder(new[0]), new[1]),
            lambda: self.model.clone((*old[0], old[1]), *new),
        )

    @rule(path=PATHS, index=st.integers(0, 40), text=st.sampled_from("xyz"))
    def write(self, path: Path_, index: int, text: str) -> None:
        block = Block.whole(hashlib.sha256(text.encode()).digest(), BLOCK)

        def ours() -> None:
            ino = self.at(path)
            self.meta.reserve_blocks([block])
            self.meta.write_blocks(ino, {index: block}, size_bytes=(index + 1) * BLOCK)

        self.both(ours, lambda: self.model.write((*path[0], path[1]), index, text))

    @rule(path=PATHS, size=st.integers(0, 40 * BLOCK))
    def truncate(self, path: Path_, size: int) -> None:
        self.both(
            lambda: self.meta.setattr(ROOT_CALLER, self.at(path), size=size),
            lambda: self.model.truncate((*path[0], path[1]), size),
        )

    @rule(path=PATHS)
    def quota(self, path: Path_) -> None:
        """It limits nothing, but its use has to be right at the end."""
        with suppress(MetaError):
            self.meta.set_quota(QuotaKind.DIRECTORY, self.at(path), max_bytes=0, max_inodes=0)

    @rule()
    def clean(self) -> None:
        self.meta.bury_orphans(grace_s=-1)
        dead = [use.digest for use in self.meta.dead_blocks(older_than_s=-1)]
        self.meta.forget_blocks(dead)

    @invariant()
    def same(self) -> None:
        self._same(self.model.root, ROOT_INO)

    def _same(self, thing: Thing, ino: int) -> None:
        attr = self.meta.getattr(ino)
        self.known[ino] = thing
        if thing.entries is None:
            assert attr.size_bytes == thing.size
            if thing.target is None:
                last = max(thing.blocks, default=0) + 2
                blocks = self.meta.blocks(ino, 0, last)
                assert {i for i, block in enumerate(blocks) if not block.is_hole} == set(
                    thing.blocks
                )
            return
        entries = self.meta.readdir(ROOT_CALLER, ino)
        assert {entry.name for entry in entries} == set(thing.entries)
        for entry in entries:
            self._same(thing.entries[entry.name], entry.ino)

    def teardown(self) -> None:
        assert list(self.meta.check()) == []
        self.meta.close()


class WalkOnSqlite(Walk):
    """The same on a file."""

    def open(self) -> Meta:
        self._folder = TemporaryDirectory()
        return open_meta(f"sqlite://{Path(self._folder.name)}/meta.db")

    def teardown(self) -> None:
        super().teardown()
        self._folder.cleanup()


class WalkWithTrash(Walk):
    """What is removed can come back."""

    def __init__(self) -> None:
        super().__init__()
        self.meta.set_settings(replace(self.meta.get_settings(), trash_s=3600))

    @rule(number=st.integers(0, 9), path=PATHS)
    def restore(self, number: int, path: Path_) -> None:
        items = self.meta.list_trash()
        if items:
            ino = items[number % len(items)].ino
            self.both(
                lambda: self.meta.restore(ino, parent=self.folder(path[0]), name=path[1]),
                lambda: self.model.put(*path, self.known[ino]),
            )

    @rule()
    def purge(self) -> None:
        self.meta.purge_trash(older_than_ns=2**62)


class WalkOfTwo(Walk):
    """Every step is done by another client; what each believes of names gets old."""

    def open(self) -> Meta:
        url = f"memory://two-{id(self)}"
        self.clients = cycle([open_meta(url) for _ in range(2)])
        return next(self.clients)

    @property
    def meta(self) -> Meta:  # type: ignore[override]
        return next(self.clients)

    @meta.setter
    def meta(self, _: Meta) -> None:
        pass

    def teardown(self) -> None:
        super().teardown()
        self.meta.destroy()


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestWalkOnSqlite = WalkOnSqlite.TestCase
TestWalkOnSqlite.settings = settings(max_examples=6, stateful_step_count=30, deadline=None)
TestWalkWithTrash = WalkWithTrash.TestCase
TestWalkWithTrash.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestWalkOfTwo = WalkOfTwo.TestCase
TestWalkOfTwo.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
