"""Looks for contradictions in a volume's metadata, and puts them right where that loses nothing.

Each pass streams one kind of record and compares it with what the passes before have seen; only
numbers are kept in memory. Best for a volume that nobody writes to: changes made meanwhile look
like contradictions, until it is looked again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.records import BLOCKS_PER_ROW, Node, Reference, unpack_row
from dffs.meta.repair import Repairs
from dffs.meta.types import (
    HOLE,
    ROOT_INO,
    TRASH_INO,
    FileKind,
    Problem,
    QuotaKind,
)
from dffs.meta.work import Work

# How often it is looked while others use the volume.
_LOOKS = 3

# Kind, inode, message, and what puts it right.
_Doubt = tuple[str, int, str, Callable[[], None] | None]
_Found = Iterator[_Doubt]


class _Seen:
    """What the passes have seen so far."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.names: Counter[int] = Counter()
        self.parents: dict[int, set[int]] = defaultdict(set)
        self.subdirectories: Counter[int] = Counter()
        self.nameless: set[int] = set()  # orphans, trash, tops of unfinished clones
        self.uses: Counter[bytes] = Counter()
        self.stored: dict[bytes, int] = {}


class Check(Core):
    """fsck of the metadata."""

    def check(self, *, repair: bool = False) -> Iterator[Problem]:
        """Look for contradictions: names, counts, parents, references, use.

        What other clients do meanwhile looks like contradictions: then a problem is what is seen at
        every one of several looks, and nothing is repaired.
        """
        others = self._others()
        if others:
            for kind, ino, message, put_right in self._seen_every_time():
                hint = f" (not repaired while {others})" if repair and put_right else ""
                yield Problem(kind, ino, f"{message}{hint}")
            return
        for kind, ino, message, put_right in self._look():
            if repair and put_right is not None:
                put_right()
                yield Problem(kind, ino, message, repaired=True)
            else:
                yield Problem(kind, ino, message)

    def _seen_every_time(self) -> list[_Doubt]:
        found = list(self._look())
        for _ in range(_LOOKS - 1):
            if found:
                again = {doubt[:3] for doubt in self._look()}
                found = [doubt for doubt in found if doubt[:3] in again]
        return found

    def _look(self) -> _Found:
        seen = _Seen()
        repairs = Repairs(self)
        self._load(seen)
        yield from self._check_entries(seen, repairs)
        yield from self._check_inodes(seen, repairs)
        yield from self._check_rows(seen, repairs)
        yield from self._check_references(seen, repairs)
        yield from self._check_side_records(seen, repairs)
        yield from self._check_use(seen, repairs)

    def _others(self) -> str:
        now_ns = self.now_ns
        found = self._read(lambda work: work.txn.scan(keys.SESSION, keys.after(keys.SESSION)))
        for _, raw in found:
            info = records.unpack_session(raw)
            if info.sid != self.sid and info.expires_ns > now_ns:
                where = f"{info.mount_point or 'a client'} on {info.host}"
                return f"session {info.sid} ({where}) uses the volume"
        return ""

    def _stream(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self.engine.stream(prefix, keys.after(prefix))

    def _load(self, seen: _Seen) -> None:
        for key, raw in self._stream(keys.INODE):
            ino = keys.number(key)
            seen.nodes[ino] = Node.unpack(ino, raw)
        for prefix in (keys.ORPHAN, b"T", keys.CLONE):
            seen.nameless |= {keys.number(key) for key, _ in self._stream(prefix)}

    def _check_entries(self, seen: _Seen, repairs: Repairs) -> _Found:
        if ROOT_INO not in seen.nodes:
            yield "root", ROOT_INO, "there is no root directory", None
        for key, raw in self._stream(keys.ENTRY):
            parent, name = keys.number(key), key[9:]
            ino, kind = records.unpack_entry(raw)
            above, node = seen.nodes.get(parent), seen.nodes.get(ino)
            shown = name.decode(errors="backslashreplace")
            if node is None:  # perhaps made since the inodes were read
                node = self._read(partial(Work.find, ino=ino))
            if node is None:
                message = f"{shown!r} in directory {parent} leads to no inode"
                yield "entry", ino, message, repairs.remove_key(key)
                continue
            seen.names[ino] += 1
            seen.parents[ino].add(parent)
            if kind == FileKind.DIRECTORY:
                seen.subdirectories[parent] += 1
            if above is None or not above.is_directory:
                message = f"{shown!r} is in {parent}, which is no directory"
                yield "entry", ino, message, repairs.rescue(ino, key)
            if kind != node.kind:
                message = f"{shown!r} in directory {parent} has another kind than its inode"
                yield "entry", ino, message, repairs.set_entry(key, node)

    def _check_inodes(self, seen: _Seen, repairs: Repairs) -> _Found:
        for ino, node in seen.nodes.items():
            names = seen.names[ino]
            if ino == ROOT_INO:
                names = 1
            elif not names:
                if ino not in seen.nameless and not self._read(partial(_has_name, ino=ino)):
                    yield "lost", ino, "no name leads to it", repairs.rescue(ino)
                continue
            wanted = 2 + seen.subdirectories[ino] if node.is_directory else names
            if node.nlink != wanted:
                message = f"its link count is {node.nlink}, it should be {wanted}"
                yield "links", ino, message, repairs.set_links(ino, wanted)
            if node.is_directory and names > 1:
                yield "links", ino, f"a directory with {names} names", None
            expected = seen.parents[ino] if ino != ROOT_INO else {ROOT_INO}
            if node.parent not in expected and not (node.parent == 0 and names > 1):
                message = f"it says that it is in {node.parent}, it is in {sorted(expected)}"
                only = min(expected) if names == 1 else 0
                yield "parent", ino, message, repairs.set_parent(ino, only)
        yield from self._check_cycles(seen)

    def _check_cycles(self, seen: _Seen) -> _Found:
        good = {ROOT_INO, TRASH_INO, 0} | seen.nameless
        for start, node in seen.nodes.items():
            way: list[int] = []
            ino = start
            while node.is_directory and ino in seen.nodes and ino not in good:
                way.append(ino)
                good.add(ino)
                ino = seen.nodes[ino].parent
                if ino in way:
                    yield "cycle", ino, "the directory lies below itself", None
                    break

    def _check_rows(self, seen: _Seen, repairs: Repairs) -> _Found:
        block_bytes = self._read(lambda work: work.settings).block_size_bytes
        for key, raw in self._stream(b"b"):
            ino, row = keys.number(key), int.from_bytes(key[9:], "big")
            node = seen.nodes.get(ino)
            if node is None or node.kind != FileKind.FILE:
                yield "blocks", ino, "blocks of a file that is none", repairs.remove_key(key)
                continue
            for slot, block in enumerate(unpack_row(raw)):
                if block.digest == HOLE:
                    continue
                seen.uses[block.digest] += 1
                seen.stored[block.digest] = block.stored_bytes
                start = (row * BLOCKS_PER_ROW + slot) * block_bytes
                if start + block.length_bytes > node.size:
                    message = f"block {row * BLOCKS_PER_ROW + slot} reaches beyond the file's end"
                    yield "blocks", ino, message, None

    def _check_references(self, seen: _Seen, repairs: Repairs) -> _Found:
        left = dict(seen.uses)
        for key, raw in self._stream(keys.REFERENCE):
            digest, reference = key[1:], Reference.unpack(raw)
            uses = left.pop(digest, 0)
            if reference.count != uses:
                message = f"block {digest.hex()} is used {uses} times, {reference.count} are noted"
                yield "references", 0, message, repairs.set_uses(digest, uses, 0)
        for digest, uses in left.items():
            message = f"block {digest.hex()} is used {uses} times, but not noted"
            stored = seen.stored[digest]
            yield "references", 0, message, repairs.set_uses(digest, uses, stored)

    def _check_side_records(self, seen: _Seen, repairs: Repairs) -> _Found:
        targets = {keys.number(key) for key, _ in self._stream(b"s")}
        for ino, node in seen.nodes.items():
            if node.kind == FileKind.SYMLINK and ino not in targets:
                yield "symlink", ino, "a symbolic link without a target", None
        for key, _ in self._stream(b"h"):
            digest, ino = key[1:33], int.from_bytes(key[33:], "big")
            named = seen.nodes.get(ino)
            if named is None or named.content != digest:
                message = "it is listed under a content that it does not have"
                yield "content", ino, message, repairs.remove_key(key)

    def _check_use(self, seen: _Seen, repairs: Repairs) -> _Found:
        orphans = {keys.number(key) for key, _ in self._stream(keys.ORPHAN)}
        size_bytes = inodes = 0
        for key, raw in self._stream(keys.INODE):  # again: repairs may have made some
            node = Node.unpack(keys.number(key), raw)
            if node.ino not in orphans and node.ino != ROOT_INO:
                inodes += 1
                size_bytes += 0 if node.is_directory else node.size
        noted = self.engine.counters()
        for name, what, value in (
            (keys.USED_BYTES, "bytes", size_bytes),
            (keys.USED_INODES, "inodes", inodes),
        ):
            if noted.get(name, 0) != value:
                message = f"{noted.get(name, 0)} {what} in use are noted, it is {value}"
                delta = value - noted.get(name, 0)
                yield "use", 0, message, repairs.add(name, delta)
        for key, _ in self._stream(keys.QUOTA):
            kind, what_for = QuotaKind(key[1]), keys.number(key, 2)
            if kind == QuotaKind.DIRECTORY and what_for not in seen.nodes:
                message = "a quota of a directory that is gone"
                yield "quota", what_for, message, repairs.remove_key(key)
                continue
            said, is_so = repairs.compare_quota(kind, what_for)
            if said != is_so:
                message = (
                    f"{said.used_bytes} bytes and {said.used_inodes} inodes are noted for the"
                    f" quota, it is {is_so.used_bytes} and {is_so.used_inodes}"
                )
                yield "quota", what_for, message, repairs.count_quota(kind, what_for)


def _has_name(work: Work, ino: int) -> bool:
    """Whether a name leads to an inode, or it is no longer expected to have one."""
    node = work.find(ino)
    if node is None or node.nlink == 0:
        return node is None or work.txn.get(keys.orphan(ino)) is not None
    for parent, _ in work.parents(node):
        prefix = keys.entry(parent, b"")
        found = work.txn.scan(prefix, keys.after(prefix), watch=False)
        if any(records.unpack_entry(raw)[0] == ino for _, raw in found):
            return True
    return False
