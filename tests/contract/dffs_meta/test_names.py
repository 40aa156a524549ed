"""Names and what they stand for."""

from __future__ import annotations

import errno

from dffs.meta.fs import Meta
from dffs.meta.types import ROOT_INO, FileKind
from tests.contract.dffs_meta.kit import (
    ALICE,
    BOB,
    ROOT,
    file,
    folder,
    names,
    refused,
    sound,
)


def test_a_new_volume_is_an_empty_root(meta: Meta) -> None:
    root = meta.getattr(ROOT_INO)
    assert (root.kind, root.nlink, root.parent) == (FileKind.DIRECTORY, 2, ROOT_INO)
    assert names(meta) == []
    assert meta.lookup(ROOT, ROOT_INO, b"..") == root
    with refused(errno.EEXIST):
        meta.create_volume(meta.get_settings(), b"{}")
    sound(meta)


def test_what_is_made_is_found(meta: Meta) -> None:
    top = folder(meta, b"top")
    made = {
        b"fifo": meta.mknod(ROOT, top, b"fifo", FileKind.FIFO, 0o600),
        b"device": meta.mknod(ROOT, top, b"device", FileKind.CHAR, 0o600, rdev=0x103),
        b"socket": meta.mknod(ROOT, top, b"socket", FileKind.SOCKET, 0o600, umask=0o077),
        b"link": meta.symlink(ROOT, top, b"link", b"../file"),
        b"sub": meta.mkdir(ROOT, top, b"sub", 0o777, umask=0o022),
    }
    for name, attr in made.items():
        assert meta.lookup(ROOT, top, name) == attr == meta.getattr(attr.ino)
    assert made[b"device"].rdev == 0x103
    assert made[b"sub"].mode == 0o755
    assert meta.readlink(made[b"link"].ino) == b"../file"
    assert meta.getattr(top).nlink == 3
    entries = meta.readdir(ROOT, top, with_attr=True)
    assert [entry.name for entry in entries] == [b"device", b"fifo", b"link", b"socket", b"sub"]
    assert all(entry.attr == made[entry.name] for entry in entries)
    assert meta.statfs().used_inodes == 7
    sound(meta)


def test_refusals_of_names(meta: Meta) -> None:
    top, plain = folder(meta, b"top"), file(meta, ROOT_INO, b"plain")
    with refused(errno.ENOENT):
        meta.lookup(ROOT, top, b"none")
    with refused(errno.ENOTDIR):
        meta.lookup(ROOT, plain, b"none")
    with refused(errno.ENOTDIR):
        file(meta, plain, b"x")
    with refused(errno.EEXIST):
        folder(meta, b"plain")
    with refused(errno.ENAMETOOLONG):
        file(meta, top, b"x" * 256)
    with refused(errno.ENAMETOOLONG):
        meta.lookup(ROOT, top, b"x" * 256)
    with refused(errno.ENAMETOOLONG):
        meta.symlink(ROOT, top, b"l", b"x" * 4096)
    with refused(errno.EPERM):
        meta.mknod(ALICE, top, b"device", FileKind.BLOCK, 0o600)
    with refused(errno.EINVAL):
        meta.readlink(plain)
    with refused(errno.EEXIST):
        meta.create(ROOT, ROOT_INO, b"plain", 0o644)
    with refused(errno.EISDIR):
        meta.create(ROOT, ROOT_INO, b"top", 0o644, exclusive=False)
    attr, is_new = meta.create(ROOT, ROOT_INO, b"plain", 0o644, exclusive=False)
    assert (attr.ino, is_new) == (plain, False)
    meta.release(plain)


def test_directories_are_read_in_pages(meta: Meta) -> None:
    wanted = [b"%04d" % number for number in range(25)]
    for name in wanted:
        file(meta, ROOT_INO, name)
    found: list[bytes] = []
    after = None
    while page := meta.readdir(ROOT, ROOT_INO, after=after, limit=7):
        found += [entry.name for entry in page]
        after = page[-1].name
    assert found == wanted


def test_paths_follow_symlinks(meta: Meta) -> None:
    a = folder(meta, b"a")
    b = folder(meta, b"b", a)
    target = file(meta, b, b"target")
    meta.symlink(ROOT, ROOT_INO, b"direct", b"/a/b")
    meta.symlink(ROOT, a, b"up", b"../a/b/target")
    meta.symlink(ROOT, ROOT_INO, b"loop", b"loop")
    assert meta.resolve(ROOT, b"/direct/target").ino == target
    assert meta.resolve(ROOT, b"a/up", follow=True).ino == target
    assert meta.resolve(ROOT, b"a/up").kind == FileKind.SYMLINK
    assert meta.resolve(ROOT, b"/a/b/../b/./target").ino == target
    assert meta.resolve(ROOT, b"/").ino == ROOT_INO
    assert meta.resolve(ROOT, b"b/target", start=a).ino == target
    with refused(errno.ELOOP):
        meta.resolve(ROOT, b"/loop/x")
    with refused(errno.ENOTDIR):
        meta.resolve(ROOT, b"/a/b/target/")
    assert meta.paths(target) == [b"/a/b/target"]


def test_rights_on_the_way(meta: Meta) -> None:
    closed = folder(meta, b"closed", mode=0o700)
    file(meta, closed, b"secret")
    shown = folder(meta, b"shown", mode=0o755)
    with refused(errno.EACCES):
        meta.lookup(ALICE, closed, b"secret")
    with refused(errno.EACCES):
        meta.readdir(ALICE, closed)
    with refused(errno.EACCES):
        file(meta, shown, b"mine", caller=ALICE)
    with refused(errno.EACCES):
        meta.unlink(ALICE, closed, b"secret")


def test_setgid_directories_hand_down_their_group(meta: Meta) -> None:
    team = folder(meta, b"team")
    meta.setattr(ROOT, team, gid=2000, mode=0o2777)
    made = meta.mknod(BOB, team, b"file", FileKind.FILE, 0o2755)
    below = meta.mkdir(BOB, team, b"below", 0o755)
    assert (made.gid, made.mode) == (2000, 0o755)
    assert (below.gid, below.mode) == (2000, 0o2755)


def test_links(meta: Meta) -> None:
    a, b = folder(meta, b"a"), folder(meta, b"b")
    ino = file(meta, a, b"one")
    assert meta.link(ROOT, ino, b, b"two").nlink == 2
    assert meta.link(ROOT, ino, b, b"three").nlink == 3
    assert meta.getattr(ino).parent == 0
    assert sorted(meta.paths(ino)) == [b"/a/one", b"/b/three", b"/b/two"]
    with refused(errno.EEXIST):
        meta.link(ROOT, ino, b, b"two")
    with refused(errno.EPERM):
        meta.link(ROOT, a, b, b"directory")
    meta.rename(ROOT, b, b"two", a, b"moved")
    sound(meta)
    assert meta.unlink(ROOT, a, b"one").nlink == 2
    assert meta.unlink(ROOT, a, b"moved").nlink == 1
    assert meta.getattr(ino).parent == b
    assert meta.paths(ino) == [b"/b/three"]
    assert meta.unlink(ROOT, b, b"three").nlink == 0
    sound(meta)
