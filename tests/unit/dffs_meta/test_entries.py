"""A listing unpacks what a lookup of each name unpacks."""

from __future__ import annotations

from dffs.meta import records
from dffs.meta.records import Node
from dffs.meta.types import Entry, FileKind


def test_a_listing_tells_what_each_inode_tells() -> None:
    kinds = [FileKind.FILE, FileKind.DIRECTORY, FileKind.SYMLINK]
    rows: list[tuple[bytes, bytes, bytes | None]] = []
    for number, kind in enumerate(kinds):
        node = Node(
            *(number + 7, kind, number, 0o640, 1, 2, 3, 4, 5, -1, 1_790_000_000_000_000_001, 0, 9),
            version=6,
            content=bytes(32) if kind is FileKind.FILE else b"",
        )
        entry = records.pack_entry(node.ino, kind)
        rows.append((b"d23456789" + b"name-%d" % number, entry, node.pack()))
    rows.append((b"d23456789gone", records.pack_entry(99, FileKind.FILE), None))
    found = records.unpack_entries(rows, 9)
    expected = [
        Entry(b"name-%d" % i, i + 7, kind, records.unpack_attr(i + 7, rows[i][2] or b""))
        for i, kind in enumerate(kinds)
    ]
    assert found == [*expected, Entry(b"gone", 99, FileKind.FILE, None)]
    assert [type(entry.kind) for entry in found] == [FileKind] * 4
