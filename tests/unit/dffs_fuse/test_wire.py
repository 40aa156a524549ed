from __future__ import annotations

import stat
import struct

from dffs.fuse import wire
from dffs.meta.types import Attr, FileKind


def test_structures_have_the_kernels_sizes() -> None:
    sizes = {
        wire.IN_HEADER: 40, wire.OUT_HEADER: 16, wire.ATTR_OUT: 104, wire.OPEN_OUT: 16,
        wire.SETATTR_IN: 88, wire.READ_IN: 40, wire.WRITE_IN: 40, wire.LK_IN: 48, wire.LK_OUT: 24,
        wire.STATFS_OUT: 80, wire.INIT_OUT: 64, wire.COPY_FILE_RANGE_IN: 56, wire.RELEASE_IN: 24,
        wire.FALLOCATE_IN: 32, wire.LSEEK_IN: 24, wire.DIRENT: 24,
    }  # fmt: skip
    assert {struct.size for struct in sizes} == set(sizes.values())
    assert all(layout.size == size for layout, size in sizes.items())


def test_attributes_keep_times_before_the_epoch() -> None:
    out = wire.attr_out(7, stat.S_IFREG | 0o644, 1000, (-1, 1_500_000_000, 2), ttl=(3, 4))
    ttl, ttl_ns, _, ino, size, blocks, atime, mtime, _, atime_ns, mtime_ns, ctime_ns, *_ = (
        wire.ATTR_OUT.unpack(out)
    )
    assert (ttl, ttl_ns, ino, size, blocks) == (3, 4, 7, 1000, 2)
    assert atime == -1
    assert (atime_ns, mtime, mtime_ns, ctime_ns) == (999_999_999, 1, 500_000_000, 2)


def test_an_entry_is_a_head_and_the_attributes() -> None:
    attr = wire.attr_out(9, stat.S_IFDIR | 0o755, 0, (1, 2, 3), nlink=2, ttl=(5, 6))
    entry = wire.entry_out(77, attr, (1, 2))
    assert len(entry) == 128
    assert struct.unpack_from("=QQQQII", entry) == (77, 0, 1, 5, 2, 6)
    assert entry[40:] == attr[16:]


def test_a_negative_entry_has_no_node() -> None:
    assert struct.unpack_from("=QQQ", wire.negative_entry((4, 0))) == (0, 0, 4)


def test_the_fast_way_gives_the_same_bytes() -> None:
    attr = Attr(9, FileKind.FILE, 0o644, 1, 2, 3, 1000, 5, -6, 7 * 10**18, 8, 1)
    slow = wire.attr_out(
        9, stat.S_IFREG | 0o644, 1000, (-6, 7 * 10**18, 8),
        nlink=3, owner=(1, 2), rdev=5, ttl=(3, 4),
    )  # fmt: skip
    assert wire.attr_reply(attr, (3, 4)) == slow
    row = wire.directory_row(77, attr, (1, 2), (3, 4), 12, b"name!")
    assert row == wire.entry_out(77, slow, (1, 2)) + wire.dirent(9, 12, b"name!", 8)


def test_rows_of_a_directory_are_padded_to_eight_bytes() -> None:
    row = wire.dirent(5, 3, b"name", 10)
    assert row == struct.pack("=QQII", 5, 3, 4, 10) + b"name\0\0\0\0"
    assert len(wire.dirent(5, 3, b"eightbit", 8)) == 32
