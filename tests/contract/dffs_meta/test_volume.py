"""The volume as a whole: limits, trash, sessions, locks, feed, dump, check."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dfcore.errors import BadInput, NotFound
from dffs.meta import keys
from dffs.meta.fs import Meta, open_meta
from dffs.meta.kv import Pair
from dffs.meta.types import ROOT_INO, FileKind, LockKind, QuotaKind
from dfinfra.clock import SystemClock
from tests.contract.dffs_meta.conftest import MakeMeta
from tests.contract.dffs_meta.kit import (
    ALICE,
    BLOCK,
    BOB,
    ROOT,
    file,
    folder,
    names,
    refused,
    sound,
    write,
)

READ, WRITE, UNLOCK = LockKind.READ, LockKind.WRITE, LockKind.UNLOCK


def test_an_engine_without_a_volume_says_so(url: str) -> None:
    with open_meta_closing(url) as client, pytest.raises(NotFound):
        client.get_format()


def test_settings_hold_for_all_clients(meta: Meta, open_client: MakeMeta) -> None:
    meta.set_settings(replace(meta.get_settings(), capacity_inodes=2))
    other = open_client()
    file(other, ROOT_INO, b"one")
    file(other, ROOT_INO, b"two")
    with refused(errno.ENOSPC):
        file(other, ROOT_INO, b"three")
    with refused(errno.EINVAL):
        other.set_settings(replace(other.get_settings(), block_size_bytes=2 * BLOCK))
    with refused(errno.EINVAL):
        other.set_settings(replace(other.get_settings(), acl=False))
    other.set_format(b"new")
    assert meta.get_format() == b"new"
    reader = open_client(read_only=True)
    with refused(errno.EROFS):
        file(reader, ROOT_INO, b"x")
    assert names(reader) == [b"one", b"two"]
    meta.destroy()
    with pytest.raises(NotFound):
        other.get_format()


def test_a_full_volume_refuses_bytes(meta: Meta) -> None:
    meta.set_settings(replace(meta.get_settings(), capacity_bytes=2 * BLOCK))
    ino = file(meta, ROOT_INO, b"f")
    write(meta, ino, "a", "b")
    with refused(errno.ENOSPC):
        write(meta, ino, "c", first=2)
    meta.setattr(ROOT, ino, size=0)
    write(meta, ino, "c")
    sound(meta)


def test_directory_quotas(meta: Meta) -> None:
    top, outside = folder(meta, b"top"), folder(meta, b"outside")
    below = folder(meta, b"below", top)
    write(meta, file(meta, below, b"old"), "a")
    quota = meta.set_quota(QuotaKind.DIRECTORY, top, max_bytes=3 * BLOCK, max_inodes=4)
    assert (quota.used_bytes, quota.used_inodes) == (BLOCK, 2)
    ino = file(meta, below, b"new")
    with refused(errno.EDQUOT):
        write(meta, ino, "a", "b", "c")
    write(meta, ino, "a", "b")
    big = file(meta, outside, b"big")
    write(meta, big, "x")
    with refused(errno.EDQUOT):
        meta.rename(ROOT, outside, b"big", below, b"big")
    with refused(errno.EDQUOT):
        meta.link(ROOT, big, below, b"big")
    with refused(errno.EDQUOT):
        meta.clone(ROOT, big, below, b"big")
    with refused(errno.EDQUOT):
        meta.clone(ROOT, outside, top, b"copy")
    assert meta.bury_orphans(grace_s=-1) == 2  # nothing of the copy is left
    meta.rename(ROOT, below, b"new", outside, b"new")
    meta.rename(ROOT, outside, b"big", below, b"big")
    file(meta, below, b"fourth")
    with refused(errno.EDQUOT):
        file(meta, below, b"fifth")
    meta.rename(ROOT, top, b"below", outside, b"below")
    now = meta.get_quota(QuotaKind.DIRECTORY, top)
    assert now is not None and (now.used_bytes, now.used_inodes) == (0, 0)
    meta.rename(ROOT, outside, b"below", top, b"below")
    assert meta.list_quotas()[0].used_bytes == 2 * BLOCK
    noted, counted = meta.check_quota(QuotaKind.DIRECTORY, top)
    assert noted == counted
    sound(meta)
    assert meta.delete_quota(QuotaKind.DIRECTORY, top)
    assert not meta.delete_quota(QuotaKind.DIRECTORY, top)


def test_user_quotas(meta: Meta) -> None:
    meta.setattr(ROOT, ROOT_INO, mode=0o777)
    one = file(meta, ROOT_INO, b"one", caller=ALICE)
    write(meta, one, "a")
    meta.set_quota(QuotaKind.USER, ALICE.uid, max_bytes=2 * BLOCK, max_inodes=2)
    two = file(meta, ROOT_INO, b"two", caller=ALICE)
    with refused(errno.EDQUOT):
        file(meta, ROOT_INO, b"three", caller=ALICE)
    with refused(errno.EDQUOT):
        write(meta, two, "a", "b")
    file(meta, ROOT_INO, b"bob", caller=BOB)
    meta.setattr(ROOT, one, uid=BOB.uid)
    write(meta, two, "a", "b")
    meta.unlink(ROOT, ROOT_INO, b"two")
    noted, counted = meta.check_quota(QuotaKind.USER, ALICE.uid)
    assert noted == counted and noted.used_inodes == 0


def test_the_trash_gives_back(meta: Meta) -> None:
    meta.set_settings(replace(meta.get_settings(), trash_s=3600))
    top = folder(meta, b"top")
    ino = file(meta, top, b"f")
    write(meta, ino, "a")
    meta.unlink(ROOT, top, b"f")
    meta.rmdir(ROOT, ROOT_INO, b"top")
    assert [item.name for item in meta.list_trash()] == [b"f", b"top"]
    with refused(errno.ENOENT):
        meta.restore(ino)  # its directory is in the trash
    meta.restore(top)
    assert meta.restore(ino).nlink == 1
    assert meta.resolve(ROOT, b"/top/f").ino == ino
    sound(meta)
    file(meta, top, b"new")
    meta.rename(ROOT, top, b"new", top, b"f")
    with refused(errno.EEXIST):
        meta.restore(ino)
    meta.restore(ino, parent=ROOT_INO, name=b"g")
    meta.unlink(ROOT, ROOT_INO, b"g")
    meta.unlink(ROOT, top, b"f", skip_trash=True)
    assert meta.statfs().used_bytes == BLOCK
    sound(meta)
    assert meta.purge_trash(older_than_ns=0) == 0
    assert meta.purge_trash(older_than_ns=meta.now_ns + 1) == 1
    assert meta.list_trash() == []
    assert meta.statfs().used_bytes == 0
    meta.bury_orphans(grace_s=0)
    sound(meta)


def test_open_files_outlive_their_names(meta: Meta, open_client: MakeMeta) -> None:
    other = open_client()
    ino = file(meta, ROOT_INO, b"f")
    other.open(ROOT, ino, 0)
    meta.open(ROOT, ino, 0)
    meta.unlink(ROOT, ROOT_INO, b"f")
    other.heartbeat()
    assert meta.bury_orphans(grace_s=0) == 0
    write(meta, ino, "a")
    assert meta.statfs().used_bytes == 0
    meta.release(ino)
    assert meta.bury_orphans(grace_s=0) == 0
    other.release(ino)
    assert meta.bury_orphans(grace_s=0) == 1
    with refused(errno.ENOENT):
        meta.getattr(ino)
    sound(meta)


def test_dead_sessions_are_cleaned_up_after(meta: Meta, open_client: MakeMeta) -> None:
    dying = open_client(clock=AnHourAgo())
    dying.open_session(mount_point="/mnt", details={"a": "b"})
    ino = file(dying, ROOT_INO, b"f")
    dying.open(ROOT, ino, 0)
    dying.unlink(ROOT, ROOT_INO, b"f")
    other = file(meta, ROOT_INO, b"g")
    assert dying.flock(other, 1, WRITE) and dying.setlk(other, 1, WRITE, 0, 10)
    assert not meta.flock(other, 1, WRITE) and not meta.setlk(other, 1, READ, 5, 5)
    assert "/mnt" in [info.mount_point for info in meta.sessions()]
    assert meta.reap() == 1
    assert meta.flock(other, 1, WRITE) and meta.setlk(other, 1, READ, 5, 5)
    assert meta.bury_orphans(grace_s=0) == 1
    assert [info.sid for info in meta.sessions()] == [meta.sid]


def test_whole_file_locks(meta: Meta, open_client: MakeMeta) -> None:
    other = open_client()
    ino = file(meta, ROOT_INO, b"f")
    assert meta.flock(ino, 1, READ) and other.flock(ino, 1, READ)
    assert not meta.flock(ino, 1, WRITE)
    assert other.flock(ino, 1, UNLOCK)
    assert meta.flock(ino, 1, WRITE)
    assert not other.flock(ino, 1, READ) and not meta.flock(ino, 2, READ)
    meta.release_locks(ino, 1)
    assert other.flock(ino, 1, WRITE)
    other.end_session()
    assert meta.flock(ino, 1, WRITE)


def test_record_locks(meta: Meta, open_client: MakeMeta) -> None:
    other = open_client()
    ino = file(meta, ROOT_INO, b"f")
    assert meta.setlk(ino, 1, WRITE, 0, 99, pid=7)
    assert not other.setlk(ino, 1, READ, 50, 60)
    held = other.getlk(ino, 1, READ, 50, 60)
    assert held is not None and (held.start, held.end, held.kind) == (0, 99, WRITE)
    assert meta.setlk(ino, 1, UNLOCK, 50, 60)
    assert other.setlk(ino, 1, READ, 50, 60)
    assert meta.getlk(ino, 2, WRITE, 0, 1) is not None
    assert meta.getlk(ino, 1, WRITE, 0, 49) is None
    assert not meta.setlk(ino, 1, WRITE, 0, 99)
    with refused(errno.ENOENT):
        meta.setlk(999999, 1, READ, 0, 1)


def test_the_change_feed(meta: Meta) -> None:
    file(meta, ROOT_INO, b"unheard")
    meta.set_settings(replace(meta.get_settings(), changelog=True, changelog_max_entries=3))
    top = folder(meta, b"top")
    ino = file(meta, top, b"f")
    write(meta, ino, "a")
    meta.rename(ROOT, top, b"f", ROOT_INO, b"g")
    meta.unlink(ROOT, ROOT_INO, b"g")
    first, *changes = meta.changes()
    assert first.kind == "settings"
    assert [c.kind for c in changes] == ["mkdir", "mknod", "write", "rename", "unlink"]
    rename = changes[3]
    assert (rename.ino, rename.parent, rename.name) == (ino, top, b"f")
    assert (rename.new_parent, rename.new_name) == (ROOT_INO, b"g")
    assert [c.seq for c in meta.changes(changes[2].seq)] == [changes[3].seq, changes[4].seq]
    assert meta.trim_changes() == 3
    assert [c.kind for c in meta.changes()] == ["write", "rename", "unlink"]


def test_a_dump_makes_the_same_volume_elsewhere(meta: Meta) -> None:
    top = folder(meta, b"top")
    blocks = write(meta, file(meta, top, b"f\xff"), "a", "b")
    meta.setxattr(ROOT, top, b"user.x", b"y")
    lines = list(meta.dump(redact=lambda record: record.replace(b"test", b"gone")))
    with open_meta_closing("memory://") as other:
        assert other.load(lines) == len(lines) - 2
        assert other.get_format() == b'{"name": "gone"}'
        found = other.resolve(ROOT, b"/top/f\xff")
        assert other.blocks(found.ino, 0, 2) == blocks
        assert other.statfs() == meta.statfs()
        assert file(other, ROOT_INO, b"new") not in {found.ino, top}
        sound(other)
        with refused(errno.EEXIST):
            other.load(lines)
    with open_meta_closing("memory://") as other, pytest.raises(BadInput, match="cut after"):
        other.load(lines[:-1])


def test_contradictions_are_found_and_put_right(meta: Meta, open_client: MakeMeta) -> None:
    top = folder(meta, b"top")
    ino, lost = file(meta, top, b"f"), file(meta, top, b"lost")
    write(meta, ino, "a")

    def damage(txn: object) -> None:
        txn.delete(keys.entry(top, b"lost"))  # type: ignore[attr-defined]
        txn.put(keys.entry(top, b"nowhere"), bytes(7) + b"\x63\x08")  # type: ignore[attr-defined]
        txn.add(keys.USED_BYTES, 5)  # type: ignore[attr-defined]

    meta.engine.transact(damage)
    meta._write(lambda work: (setattr(work.node(top), "nlink", 9), work.save(work.node(top))))
    found = {problem.kind for problem in meta.check()}
    assert found == {"entry", "lost", "links", "use"}
    other = open_client()
    other.open_session(mount_point="/mnt")
    shown = list(meta.check(repair=True))
    assert len(shown) >= 4 and all("/mnt on" in problem.message for problem in shown)
    other.end_session()
    assert all(problem.repaired for problem in meta.check(repair=True))
    sound(meta)
    assert meta.resolve(ROOT, b"/lost+found/%d" % lost).kind == FileKind.FILE
    assert names(meta, top) == [b"f"]


def test_what_others_do_meanwhile_is_no_contradiction(
    meta: Meta, open_client: MakeMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    ino = file(meta, ROOT_INO, b"f")
    write(meta, ino, "a", "b")
    other = open_client()
    other.open_session(mount_point="/mnt")
    stream = meta.engine.stream

    def with_a_change(start: bytes, end: bytes) -> Iterator[Pair]:
        if start == keys.REFERENCE and other.getattr(ino).size_bytes:
            other.setattr(ROOT, ino, size=0)
        yield from stream(start, end)

    monkeypatch.setattr(meta.engine, "stream", with_a_change)
    sound(meta)
    assert other.getattr(ino).size_bytes == 0


class AnHourAgo(SystemClock):
    """The clock of a client that was last heard of long ago."""

    def time(self) -> float:
        return super().time() - 3600


class open_meta_closing:  # noqa: N801
    """A client that is closed at the end."""

    def __init__(self, url: str) -> None:
        self._client = open_meta(url)

    def __enter__(self) -> Meta:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()


def test_one_client_keeps_house_at_a_time(meta: Meta, open_client: MakeMeta) -> None:
    other = open_client()
    meta.open_session()
    other.open_session()
    assert meta._is_housekeeper() and not other._is_housekeeper() and meta._is_housekeeper()
    meta.end_session()
    assert other._is_housekeeper()


class Ahead(SystemClock):
    """A clock that is an hour ahead of the others, and whose seconds pass when told to."""

    passed_s = 0.0

    def time(self) -> float:
        return super().time() + 3600

    def monotonic(self) -> float:
        return self.passed_s


def test_a_clock_that_is_ahead_kills_nobody(meta: Meta, open_client: MakeMeta) -> None:
    clock = Ahead()
    hasty = open_client(clock=clock)
    ino = file(meta, ROOT_INO, b"f")
    meta.open(ROOT, ino, 0)
    meta._ended.set()  # it beats when we say
    meta.unlink(ROOT, ROOT_INO, b"f")
    gone = file(meta, ROOT_INO, b"g")
    meta.unlink(ROOT, ROOT_INO, b"g")
    for _ in range(4):
        hasty.housekeeping(patient=True)
        assert meta.getattr(ino).nlink == 0 and meta.getattr(gone).nlink == 0
        clock.passed_s += 9
    hasty.housekeeping(patient=True)
    with refused(errno.ENOENT):
        meta.getattr(gone)
    meta.heartbeat()
    clock.passed_s += 50
    hasty.housekeeping(patient=True)
    assert meta.getattr(ino).nlink == 0
    clock.passed_s += 70  # without a sign of life
    hasty.housekeeping(patient=True)
    with refused(errno.ENOENT):
        meta.getattr(ino)
