"""Records as bytes, keys in order."""

from __future__ import annotations

from dffs.meta import keys, records
from dffs.meta.records import Node
from dffs.meta.types import (
    HOLE_BLOCK,
    Block,
    Change,
    FileKind,
    InodeFlag,
    SessionInfo,
    Settings,
    TrashItem,
)


def test_an_inode_comes_back_as_it_was() -> None:
    node = Node(
        7, FileKind.FILE, 16, 0o6755, 2**32 - 1, 5, 3, 2**53, 9, -1, 2, 3, 0, 2**40, b"c" * 32
    )
    again = Node.unpack(7, node.pack())
    assert all(getattr(again, name) == getattr(node, name) for name in Node.__slots__)
    attr = again.attr()
    assert attr.content == "sha256:" + "63" * 32
    assert attr.flags == InodeFlag.XATTRS
    assert attr.st_mode == 0o106755


def test_rows_leave_holes_at_their_end_out() -> None:
    block = Block(b"d" * 32, 10, 20)
    row = [HOLE_BLOCK, block] + [HOLE_BLOCK] * 14
    raw = records.pack_row(row)
    assert len(raw) == 80 and records.unpack_row(raw) == row
    assert records.pack_row([HOLE_BLOCK] * 16) == b""
    assert records.unpack_row(None) == [HOLE_BLOCK] * 16


def test_other_records() -> None:
    item = TrashItem(5, 6, 7, b"n\xff", FileKind.SYMLINK, 8, 9)
    assert records.unpack_trash(keys.trash(6, 5), records.pack_trash(item)) == item
    change = Change(3, 4, "rename", 5, 6, b"a", 7, b"b", 8)
    raw = records.pack_change(4, "rename", 5, 6, b"a", 7, b"b", 8)
    assert records.unpack_change(keys.change(3), raw) == change
    settings = Settings(trash_s=3.5, acl=True)
    assert records.unpack_settings(records.pack_settings(settings)) == settings
    assert records.unpack_settings(b'{"acl": true, "of the future": 1}').acl
    info = SessionInfo(1, 2, details={"a": "b"})
    assert records.unpack_session(records.pack_session(info)) == info


def test_the_order_of_keys_is_that_of_their_numbers() -> None:
    numbers = [1, 255, 256, 2**32, 2**63]
    assert [keys.inode(n) for n in numbers] == sorted(keys.inode(n) for n in numbers)
    assert keys.entry(5, b"") < keys.entry(5, b"\xff" * 255) < keys.after(keys.entry(5, b""))
    assert keys.entry(255, b"\xff") < keys.after(keys.entry(255, b"")) <= keys.entry(256, b"")
    assert keys.number(keys.row(9, 4)) == 9
