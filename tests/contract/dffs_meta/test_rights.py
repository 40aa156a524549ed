"""Attributes, extended attributes, ACLs: who may change and read what."""

from __future__ import annotations

import errno
from struct import pack

from dffs.meta.acl import ACCESS_NAME, DEFAULT_NAME
from dffs.meta.fs import Meta
from dffs.meta.types import ROOT_INO, Caller, FileKind
from tests.contract.dffs_meta.kit import ALICE, BOB, ROOT, file, folder, refused, sound

R, W, X = 4, 2, 1


def test_only_the_owner_changes_mode_and_times(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o644, ALICE)
    assert meta.setattr(ALICE, ino, mode=0o2755).mode == 0o2755
    with refused(errno.EPERM):
        meta.setattr(BOB, ino, mode=0o777)
    with refused(errno.EPERM):
        meta.setattr(BOB, ino, mtime_ns=5)
    with refused(errno.EACCES):
        meta.setattr(BOB, ino, mtime_now=True)
    attr = meta.setattr(ALICE, ino, atime_ns=-5, mtime_ns=7)
    assert (attr.atime_ns, attr.mtime_ns) == (-5, 7)
    meta.setattr(ROOT, ino, mode=0o666)
    meta.setattr(BOB, ino, atime_now=True, mtime_now=True)
    with refused(errno.ENOENT):
        meta.setattr(ROOT, 999999, mode=0)


def test_owners_give_files_to_their_own_groups_only(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o6755, ALICE)
    with refused(errno.EPERM):
        meta.setattr(ALICE, ino, uid=BOB.uid)
    with refused(errno.EPERM):
        meta.setattr(ALICE, ino, gid=BOB.gid)
    attr = meta.setattr(ALICE, ino, gid=2000)
    assert (attr.gid, attr.mode) == (2000, 0o755)
    meta.setattr(ROOT, ino, uid=BOB.uid, gid=BOB.gid)
    with refused(errno.EPERM):
        meta.setattr(ALICE, ino, gid=2000)


def test_a_mode_outside_the_own_groups_loses_setgid(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o644, ALICE)
    meta.setattr(ROOT, ino, gid=77)
    assert meta.setattr(ALICE, ino, mode=0o2755).mode == 0o755


def test_access(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o640, ALICE)
    meta.access(ALICE, ino, R | W)
    meta.access(Caller(5, 5, frozenset({ALICE.gid})), ino, R)
    meta.access(ROOT, ino, R | W)
    for caller, mask in ((ALICE, X), (BOB, R), (ROOT, X)):
        with refused(errno.EACCES):
            meta.access(caller, ino, mask)


def test_extended_attributes(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o644, ALICE)
    assert meta.listxattr(ALICE, ino) == []
    with refused(errno.ENODATA):
        meta.getxattr(ALICE, ino, b"user.a")
    meta.setxattr(ALICE, ino, b"user.a", b"1")
    meta.setxattr(ALICE, ino, b"user.b", b"\x00" * 1000)
    meta.setxattr(ROOT, ino, b"trusted.c", b"")
    assert meta.getxattr(BOB, ino, b"user.a") == b"1"
    assert meta.listxattr(ALICE, ino) == [b"user.a", b"user.b"]
    assert meta.listxattr(ROOT, ino) == [b"trusted.c", b"user.a", b"user.b"]
    with refused(errno.EEXIST):
        meta.setxattr(ALICE, ino, b"user.a", b"2", 1)
    with refused(errno.ENODATA):
        meta.setxattr(ALICE, ino, b"user.new", b"2", 2)
    with refused(errno.EACCES):
        meta.setxattr(BOB, ino, b"user.a", b"2")
    with refused(errno.EPERM):
        meta.setxattr(ALICE, ino, b"trusted.a", b"2")
    with refused(errno.E2BIG):
        meta.setxattr(ALICE, ino, b"user.a", bytes(65537))
    with refused(errno.ERANGE):
        meta.setxattr(ALICE, ino, b"user." + b"x" * 255, b"")
    meta.removexattr(ALICE, ino, b"user.a")
    with refused(errno.ENODATA):
        meta.removexattr(ALICE, ino, b"user.a")
    meta.unlink(ROOT, ROOT_INO, b"f")
    meta.bury_orphans(grace_s=0)
    sound(meta)


def acl(*entries: tuple[int, int, int]) -> bytes:
    return pack("<I", 2) + b"".join(pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF


def full(user: int, named: tuple[int, int], group: int, mask: int, other: int) -> bytes:
    return acl(
        (0x01, user, NOBODY),
        (0x02, named[1], named[0]),
        (0x04, group, NOBODY),
        (0x10, mask, NOBODY),
        (0x20, other, NOBODY),
    )


def test_access_lists_decide_and_follow_chmod(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o640, ALICE)
    meta.setxattr(ALICE, ino, ACCESS_NAME, full(6, (BOB.uid, 6), 4, 6, 0))
    assert meta.getattr(ino).mode == 0o660
    meta.access(BOB, ino, R | W)
    meta.setattr(ALICE, ino, mode=0o640)
    with refused(errno.EACCES):
        meta.access(BOB, ino, W)
    assert meta.getxattr(ALICE, ino, ACCESS_NAME) == full(6, (BOB.uid, 6), 4, 4, 0)
    meta.removexattr(ALICE, ino, ACCESS_NAME)
    with refused(errno.EACCES):
        meta.access(BOB, ino, R)
    minimal = acl((1, 7, NOBODY), (4, 5, NOBODY), (0x20, 5, NOBODY))
    meta.setxattr(ALICE, ino, ACCESS_NAME, minimal)
    assert meta.getattr(ino).mode == 0o755
    with refused(errno.ENODATA):
        meta.getxattr(ALICE, ino, ACCESS_NAME)
    with refused(errno.EINVAL):
        meta.setxattr(ALICE, ino, ACCESS_NAME, b"short")
    with refused(errno.EPERM):
        meta.setxattr(BOB, ino, ACCESS_NAME, minimal)


def test_default_lists_are_inherited_in_place_of_the_umask(meta: Meta) -> None:
    top = folder(meta, b"top")
    default = full(7, (BOB.uid, 7), 5, 7, 0)
    meta.setxattr(ROOT, top, DEFAULT_NAME, default)
    made = meta.mknod(ROOT, top, b"f", FileKind.FILE, 0o666, umask=0o077)
    assert made.mode == 0o660
    meta.access(BOB, made.ino, R | W)
    below = meta.mkdir(ROOT, top, b"d", 0o777, umask=0o077)
    assert below.mode == 0o770
    assert meta.getxattr(ROOT, below.ino, DEFAULT_NAME) == default
    with refused(errno.EACCES):
        meta.setxattr(ROOT, made.ino, DEFAULT_NAME, default)
    sound(meta)
