"""Unlink, rmdir, rename."""

from __future__ import annotations

import errno

from dffs.meta.fs import Meta
from dffs.meta.types import ROOT_INO, RenameFlag
from tests.contract.dffs_meta.kit import ALICE, BOB, ROOT, file, folder, names, refused, sound


def test_removing(meta: Meta) -> None:
    top = folder(meta, b"top")
    ino = file(meta, top, b"file")
    with refused(errno.ENOTEMPTY):
        meta.rmdir(ROOT, ROOT_INO, b"top")
    with refused(errno.ENOTDIR):
        meta.rmdir(ROOT, top, b"file")
    with refused(errno.EISDIR):
        meta.unlink(ROOT, ROOT_INO, b"top")
    with refused(errno.EINVAL):
        meta.rmdir(ROOT, top, b".")
    with refused(errno.ENOTEMPTY):
        meta.rmdir(ROOT, top, b"..")
    assert meta.unlink(ROOT, top, b"file").nlink == 0
    meta.rmdir(ROOT, ROOT_INO, b"top")
    assert meta.getattr(ROOT_INO).nlink == 2
    with refused(errno.ENOENT):
        meta.unlink(ROOT, top, b"file")
    with refused(errno.ENOENT):
        file(meta, top, b"late")  # the directory has no name any more
    assert meta.bury_orphans(grace_s=0) == 2
    with refused(errno.ENOENT):
        meta.getattr(ino)
    assert meta.statfs().used_inodes == 1
    sound(meta)


def test_a_rename_replaces_what_it_may(meta: Meta) -> None:
    a, b = folder(meta, b"a"), folder(meta, b"b")
    one, two = file(meta, a, b"one"), file(meta, b, b"two")
    done = meta.rename(ROOT, a, b"one", b, b"two")
    assert done.moved.ino == one and done.moved.parent == b
    assert done.replaced is not None and (done.replaced.ino, done.replaced.nlink) == (two, 0)
    assert (names(meta, a), names(meta, b)) == ([], [b"two"])
    with refused(errno.EISDIR):
        meta.rename(ROOT, b, b"two", ROOT_INO, b"a")
    with refused(errno.ENOTDIR):
        meta.rename(ROOT, ROOT_INO, b"a", b, b"two")
    with refused(errno.ENOTEMPTY):
        meta.rename(ROOT, ROOT_INO, b"a", ROOT_INO, b"b")
    with refused(errno.ENOENT):
        meta.rename(ROOT, a, b"none", b, b"x")
    meta.rename(ROOT, ROOT_INO, b"b", ROOT_INO, b"a")
    assert names(meta) == [b"a"] and meta.getattr(ROOT_INO).nlink == 3
    sound(meta)


def test_moving_directories(meta: Meta) -> None:
    a = folder(meta, b"a")
    b = folder(meta, b"b", a)
    c = folder(meta, b"c", b)
    with refused(errno.EINVAL):
        meta.rename(ROOT, ROOT_INO, b"a", c, b"below itself")
    with refused(errno.ENOTEMPTY):
        meta.rename(ROOT, b, b"c", ROOT_INO, b"a")
    with refused(errno.EINVAL):
        meta.rename(ROOT, b, b"c", ROOT_INO, b"a", RenameFlag.EXCHANGE)
    meta.rename(ROOT, b, b"c", ROOT_INO, b"c")
    assert [meta.getattr(ino).nlink for ino in (ROOT_INO, a, b, c)] == [4, 3, 2, 2]
    assert meta.getattr(c).parent == ROOT_INO
    sound(meta)


def test_rename_flags(meta: Meta) -> None:
    a, b = folder(meta, b"a"), folder(meta, b"b")
    one, deep = file(meta, a, b"one"), folder(meta, b"deep", b)
    with refused(errno.EEXIST):
        meta.rename(ROOT, a, b"one", b, b"deep", RenameFlag.NOREPLACE)
    with refused(errno.ENOENT):
        meta.rename(ROOT, a, b"one", b, b"none", RenameFlag.EXCHANGE)
    meta.rename(ROOT, a, b"one", b, b"deep", RenameFlag.EXCHANGE)
    assert meta.lookup(ROOT, a, b"one").ino == deep
    assert meta.lookup(ROOT, b, b"deep").ino == one
    assert (meta.getattr(a).nlink, meta.getattr(b).nlink) == (3, 2)
    meta.rename(ROOT, b, b"deep", b, b"free", RenameFlag.NOREPLACE)
    assert names(meta, b) == [b"free"]
    sound(meta)


def test_two_names_of_one_file_stay_two(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"one")
    meta.link(ROOT, ino, ROOT_INO, b"two")
    assert meta.rename(ROOT, ROOT_INO, b"one", ROOT_INO, b"two").replaced is None
    assert names(meta) == [b"one", b"two"]
    sound(meta)


def test_sticky_directories_protect_what_others_own(meta: Meta) -> None:
    shared = folder(meta, b"shared")
    meta.setattr(ROOT, shared, mode=0o1777)
    file(meta, shared, b"alice", caller=ALICE)
    file(meta, shared, b"bob", caller=BOB)
    with refused(errno.EPERM):
        meta.unlink(BOB, shared, b"alice")
    with refused(errno.EPERM):
        meta.rename(BOB, shared, b"alice", shared, b"mine")
    with refused(errno.EPERM):
        meta.rename(BOB, shared, b"bob", shared, b"alice")
    meta.unlink(ALICE, shared, b"alice")
    assert names(meta, shared) == [b"bob"]


def test_a_whole_tree_goes(meta: Meta) -> None:
    top = folder(meta, b"top")
    for number in range(3):
        below = folder(meta, b"%d" % number, top)
        for each in range(3):
            file(meta, below, b"f%d" % each)
    assert meta.remove_tree(ROOT, ROOT_INO, b"top") == 13
    assert names(meta) == []
    assert meta.bury_orphans(grace_s=0) == 13
    sound(meta)
