"""Blocks of files: write, cut, punch, copy, count; digests of whole files."""

from __future__ import annotations

import errno
import os

import pytest

from dffs.meta import clones
from dffs.meta.fs import Meta
from dffs.meta.types import (
    HOLE_BLOCK,
    ROOT_INO,
    Block,
    BlocksMissing,
    BlockState,
    ContentMoved,
)
from tests.contract.dffs_meta.kit import (
    ALICE,
    BLOCK,
    ROOT,
    block,
    file,
    folder,
    refused,
    sound,
    uses,
    write,
)

PUNCH, KEEP, ZERO = 2, 1, 16


def test_blocks_are_counted_where_they_are_used(meta: Meta) -> None:
    one, two = file(meta, ROOT_INO, b"one"), file(meta, ROOT_INO, b"two")
    a, b = write(meta, one, "a", "b", tail=10)
    assert meta.blocks(one, 0, 3) == [a, b, HOLE_BLOCK]
    assert meta.getattr(one).size_bytes == BLOCK + 10
    write(meta, two, "a", first=40)
    assert meta.blocks(two, 39, 3) == [HOLE_BLOCK, a, HOLE_BLOCK]
    assert uses(meta) == {a.digest: 2, b.digest: 1}
    (c,) = write(meta, one, "c")
    assert uses(meta) == {a.digest: 1, b.digest: 1, c.digest: 1}
    assert list(meta.data_ranges(two, 0)) == [(40 * BLOCK, 41 * BLOCK)]
    assert meta.statfs().used_bytes == BLOCK + 10 + 41 * BLOCK
    sound(meta)


def test_each_change_of_content_is_a_version(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f")
    write(meta, ino, "a")
    assert meta.getattr(ino).version == 1
    meta.setattr(ROOT, ino, size=5)
    meta.setattr(ROOT, ino, mode=0o600)
    assert meta.getattr(ino).version == 2
    with pytest.raises(ContentMoved):
        meta.write_blocks(ino, {0: HOLE_BLOCK}, expect_version=1)
    with pytest.raises(ContentMoved):
        meta.write_blocks(ino, {0: HOLE_BLOCK}, expect_blocks={0: HOLE_BLOCK})
    with pytest.raises(ContentMoved):
        meta.setattr(ROOT, ino, size=0, version=1)
    meta.write_blocks(ino, {0: HOLE_BLOCK}, expect_version=2)
    sound(meta)


def test_a_cut_inside_a_block_moves_no_bytes(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f")
    a, b, _ = write(meta, ino, "a", "b", "c")
    meta.setattr(ROOT, ino, size=BLOCK + 100)
    assert meta.blocks(ino, 0, 3) == [a, Block(b.digest, 100, BLOCK), HOLE_BLOCK]
    meta.setattr(ROOT, ino, size=3 * BLOCK)
    assert meta.blocks(ino, 1, 1) == [Block(b.digest, 100, BLOCK)]
    meta.setattr(ROOT, ino, size=0)
    assert set(uses(meta).values()) == {0}
    with refused(errno.EISDIR):
        meta.setattr(ROOT, ROOT_INO, size=0)
    with refused(errno.EINVAL):
        meta.setattr(ROOT, ino, size=-1)
    with refused(errno.EFBIG):
        meta.setattr(ROOT, ino, size=2**62)
    sound(meta)


def test_fallocate(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f")
    a, _, _, d = write(meta, ino, "a", "b", "c", "d", tail=100)
    cut = Block(a.digest, 10, BLOCK)
    meta.fallocate(ino, PUNCH | KEEP, 10, 3 * BLOCK - 10, {0: cut})
    assert meta.blocks(ino, 0, 4) == [cut, HOLE_BLOCK, HOLE_BLOCK, d]
    meta.fallocate(ino, PUNCH | KEEP, 3 * BLOCK, BLOCK)
    assert meta.blocks(ino, 3, 1) == [HOLE_BLOCK]
    assert meta.getattr(ino).size_bytes == 3 * BLOCK + 100
    assert meta.fallocate(ino, 0, 0, 5 * BLOCK).size_bytes == 5 * BLOCK
    assert meta.fallocate(ino, KEEP, 0, 9 * BLOCK).size_bytes == 5 * BLOCK
    assert meta.fallocate(ino, ZERO, 5 * BLOCK, BLOCK).size_bytes == 6 * BLOCK
    with refused(errno.EOPNOTSUPP):
        meta.fallocate(ino, 8, 0, BLOCK)
    with refused(errno.EINVAL):
        meta.fallocate(ino, 0, 0, 0)
    sound(meta)


def test_rows_are_copied_between_files(meta: Meta) -> None:
    source, target = file(meta, ROOT_INO, b"source"), file(meta, ROOT_INO, b"target")
    blocks = write(meta, source, *"abcdefghijklmnopqrst", tail=7)
    size = 19 * BLOCK + 7
    assert meta.copy_range(source, 0, target, 0, 10**9) == size
    assert meta.blocks(target, 0, 20) == blocks
    assert meta.getattr(target).size_bytes == size
    assert set(uses(meta).values()) == {2}
    assert meta.copy_range(source, size, target, 0, 10) == 0
    with refused(errno.EINVAL):
        meta.copy_range(source, 1, target, 0, BLOCK)
    with refused(errno.EINVAL):
        meta.copy_range(source, 0, source, BLOCK, 5 * BLOCK)
    assert meta.copy_range(source, 2 * BLOCK, target, 0, BLOCK) == BLOCK
    assert meta.blocks(target, 0, 1) == [blocks[2]]
    sound(meta)


def test_blocks_live_and_die_in_two_phases(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f")
    a = block("a")
    assert meta.reserve_blocks([a]) == {a.digest: BlockState.UPLOAD}
    assert meta.reserve_blocks([a]) == {a.digest: BlockState.UPLOAD}
    assert meta.dead_blocks() == []  # reserved not long ago
    meta.write_blocks(ino, {0: a}, size_bytes=BLOCK)
    assert meta.reserve_blocks([a]) == {a.digest: BlockState.STORED}
    assert meta.dead_blocks(older_than_s=-1) == []
    meta.setattr(ROOT, ino, size=0)
    assert [use.digest for use in meta.dead_blocks(older_than_s=-1)] == [a.digest]
    assert meta.reserve_blocks([a]) == {a.digest: BlockState.DYING}
    with pytest.raises(BlocksMissing) as caught:
        meta.write_blocks(ino, {0: a}, size_bytes=BLOCK)
    assert caught.value.digests == (a.digest,)
    assert meta.forget_blocks([a.digest]) == 1
    assert meta.block_uses() == []
    with pytest.raises(BlocksMissing):
        meta.write_blocks(ino, {0: a}, size_bytes=BLOCK)
    assert meta.getattr(ino).size_bytes == 0
    assert meta.reserve_blocks([a]) == {a.digest: BlockState.UPLOAD}
    meta.write_blocks(ino, {0: a}, size_bytes=BLOCK)
    sound(meta)


def test_a_block_that_is_wanted_again_does_not_die(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f")
    (a,) = write(meta, ino, "a")
    meta.setattr(ROOT, ino, size=0)
    assert meta.reserve_blocks([a]) == {a.digest: BlockState.STORED}
    meta.write_blocks(ino, {0: a}, size_bytes=BLOCK)
    assert meta.dead_blocks(older_than_s=-1) == []
    sound(meta)


def test_whole_files_are_found_by_their_digest(meta: Meta) -> None:
    one, two = file(meta, ROOT_INO, b"one"), file(meta, ROOT_INO, b"two")
    digest = "sha256:" + "ab" * 32
    write(meta, one, "a")
    assert not meta.set_content(one, 0, digest)
    assert meta.set_content(one, 1, digest)
    assert meta.by_content(digest) == one
    assert meta.getattr(one).content == digest
    assert meta.set_content(two, 0, digest)
    meta.setattr(ROOT, one, size=1)
    assert meta.getattr(one).content == ""
    assert meta.by_content(digest) == two
    meta.unlink(ROOT, ROOT_INO, b"two")
    assert meta.by_content(digest) is None
    meta.bury_orphans(grace_s=0)
    with refused(errno.EINVAL):
        meta.by_content("md5:1")
    sound(meta)


def test_open_asks_for_rights_and_truncates(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f", 0o640)
    write(meta, ino, "a")
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        with refused(errno.EACCES):
            meta.open(ALICE, ino, flags)
    with refused(errno.EISDIR):
        meta.open(ROOT, ROOT_INO, os.O_WRONLY)
    assert meta.open(ROOT, ino, os.O_RDONLY).size_bytes == BLOCK
    assert meta.open(ROOT, ino, os.O_WRONLY | os.O_TRUNC).size_bytes == 0
    meta.release(ino)
    meta.release(ino)
    sound(meta)


def test_snapshots_cannot_be_written(meta: Meta) -> None:
    ino = file(meta, ROOT_INO, b"f")
    write(meta, ino, "a")
    snapshot = meta.clone(ROOT, ino, ROOT_INO, b"snapshot", immutable=True).ino
    for attempt in (
        lambda: meta.open(ROOT, snapshot, os.O_WRONLY),
        lambda: meta.write_blocks(snapshot, {0: HOLE_BLOCK}),
        lambda: meta.setattr(ROOT, snapshot, mode=0o777),
        lambda: meta.unlink(ROOT, ROOT_INO, b"snapshot"),
        lambda: meta.rename(ROOT, ROOT_INO, b"snapshot", ROOT_INO, b"x"),
        lambda: meta.link(ROOT, snapshot, ROOT_INO, b"x"),
    ):
        with refused(errno.EPERM):
            attempt()
    other = file(meta, ROOT_INO, b"other")
    assert meta.copy_range(snapshot, 0, other, 0, BLOCK) == BLOCK
    with refused(errno.EPERM):
        meta.set_flags(ALICE, snapshot, 0)
    meta.set_flags(ROOT, snapshot, 0)
    meta.unlink(ROOT, ROOT_INO, b"snapshot")


def test_clones_share_blocks(meta: Meta) -> None:
    top = folder(meta, b"top")
    below = folder(meta, b"below", top)
    ino = file(meta, below, b"f")
    blocks = write(meta, ino, "a", "b")
    meta.symlink(ROOT, top, b"link", b"below/f")
    meta.setxattr(ROOT, ino, b"user.tag", b"1")
    copy = meta.clone(ALICE, top, ROOT_INO, b"copy")
    assert (copy.uid, copy.nlink) == (ALICE.uid, 3)
    cloned = meta.resolve(ROOT, b"/copy/link", follow=True)
    assert cloned.ino != ino and cloned.size_bytes == 2 * BLOCK
    assert meta.blocks(cloned.ino, 0, 2) == blocks
    assert set(uses(meta).values()) == {2}
    assert meta.getxattr(ROOT, cloned.ino, b"user.tag") == b"1"
    with refused(errno.EEXIST):
        meta.clone(ROOT, top, ROOT_INO, b"copy")
    with refused(errno.EINVAL):
        meta.clone(ROOT, top, below, b"inside")
    kept = meta.clone(ROOT, ino, ROOT_INO, b"kept", preserve=True)
    assert kept.mtime_ns == meta.getattr(ino).mtime_ns
    meta.remove_tree(ROOT, ROOT_INO, b"top")
    meta.bury_orphans(grace_s=0)
    assert meta.totals(copy.ino).size_bytes == 2 * BLOCK + len(b"below/f")
    sound(meta)


def test_what_an_unfinished_clone_left_is_removed(
    meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = folder(meta, b"top")
    below = folder(meta, b"below", top)
    write(meta, file(meta, below, b"f"), "a")
    used = meta.statfs()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(clones, "_attach", die)
        with pytest.raises(KeyboardInterrupt):
            meta.clone(ROOT, top, ROOT_INO, b"copy")
    assert list(uses(meta).values()) == [2]
    sound(meta)
    assert meta.abandon_clones() == 0  # it may still be at work
    assert meta.abandon_clones(older_than_s=-1) == 1
    assert meta.bury_orphans(grace_s=-1) == 3
    assert list(uses(meta).values()) == [1]
    assert meta.statfs() == used
    sound(meta)
