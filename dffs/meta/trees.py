"""Walks over what lies below a directory: in one transaction, or in many small ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.records import Node
from dffs.meta.types import FileKind, TreeTotals
from dffs.meta.work import Work

_PAGE = 1000


@dataclass(slots=True)
class Totals:
    """Sizes and numbers of names below and with a directory (or of one file)."""

    size_bytes: int = 0
    inodes: int = 0


def children(work: Work, ino: int) -> list[Node]:
    """The inodes of a directory's entries, once per name; to be looked at only."""
    prefix = keys.entry(ino, b"")
    found = work.txn.scan(prefix, keys.after(prefix), watch=False)
    inos = [records.unpack_entry(value)[0] for _, value in found]
    raws = work.txn.get_many([keys.inode(each) for each in inos], watch=False)
    return [Node.unpack(each, raw) for each, raw in zip(inos, raws, strict=True) if raw]


def totals_within(work: Work, node: Node) -> Totals:
    """Totals of a tree in this transaction."""
    totals = Totals()
    stack = [node]
    while stack:
        node = stack.pop()
        totals.inodes += 1
        if node.is_directory:
            stack += children(work, node.ino)
        else:
            totals.size_bytes += node.size
    return totals


class Trees(Core):
    """Walks in many small transactions."""

    def walk(self, ino: int) -> Iterator[list[tuple[int, bytes, Node]]]:
        """(parent, name, inode) of all below a directory, in pages; parents come before children."""
        stack = [ino]
        while stack:
            parent = stack.pop()
            after: bytes | None = None
            while True:
                page = self._read(partial(_page, parent=parent, after=after))
                stack += [node.ino for _, _, node in page if node.is_directory]
                yield page
                if len(page) < _PAGE:
                    break
                after = page[-1][1]

    def totals(self, ino: int) -> TreeTotals:
        """Sum of what is below."""
        files = directories = size_bytes = blocks = 0
        block_bytes = self._read(lambda work: work.settings).block_size_bytes

        def add(node: Node) -> None:
            nonlocal files, directories, size_bytes, blocks
            if node.is_directory:
                directories += 1
                return
            files += 1
            size_bytes += node.size
            if node.kind == FileKind.FILE:
                blocks += -(-node.size // block_bytes)

        top = self._read(lambda work: work.node(ino))
        add(top)
        if top.is_directory:
            for page in self.walk(ino):
                for _, _, node in page:
                    add(node)
        return TreeTotals(files, directories, size_bytes, blocks)


def _page(work: Work, parent: int, after: bytes | None) -> list[tuple[int, bytes, Node]]:
    """A page of entries; names whose inode is just going are given with an empty inode."""
    prefix = keys.entry(parent, b"")
    start = prefix if after is None else prefix + after + b"\x00"
    found = work.txn.scan(start, keys.after(prefix), limit=_PAGE)
    raws = work.txn.get_many([b"i" + value[:8] for _, value in found])
    page = []
    for (key, value), raw in zip(found, raws, strict=True):
        ino, kind = records.unpack_entry(value)
        node = Node.unpack(ino, raw) if raw else _gone(ino, kind)
        page.append((parent, key[9:], node))
    return page


def _gone(ino: int, kind: int) -> Node:
    return Node(ino, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
