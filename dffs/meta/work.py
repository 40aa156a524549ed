"""One transaction seen as inodes, entries and charges; every operation works on this, never on raw
keys.

A `Work` loads each inode once and writes those that changed when the operation is done. It lives
for one try of one transaction.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import Protocol

from dffs.meta import keys, records
from dffs.meta.kv import Txn
from dffs.meta.records import Node
from dffs.meta.types import (
    NAME_BYTES_MAX,
    ROOT_INO,
    TRASH_INO,
    FileKind,
    InodeFlag,
    MetaError,
    QuotaKind,
    Settings,
)

_DEFAULTS = Settings()
_HINTS_MAX = 30_000


class Client(Protocol):
    """What a transaction has to know about the client that runs it."""

    sid: int
    hints: dict[tuple[int, bytes], int]  # where names led to when they were last seen

    def parse_settings(self, raw: bytes) -> Settings:
        """The settings, parsed once as long as they stay the same."""
        ...


class Work:
    """The state of a volume as one transaction sees and changes it."""

    def __init__(self, txn: Txn, client: Client, now_ns: int) -> None:
        self.txn = txn
        self.now_ns = now_ns
        self.sid = client.sid
        self._client = client
        self._hints = client.hints
        self._nodes: dict[int, Node] = {}
        self._dirty: dict[int, Node] = {}
        self._bytes = self._inodes = 0

    # --- loading -------------------------------------------------------------------------------

    def load(
        self,
        inos: Sequence[int] = (),
        names: Sequence[tuple[int, bytes]] = (),
        others: Sequence[bytes] = (),
    ) -> None:
        """Read inodes, entries (with the inodes they lead to) and other keys in one round trip.

        To read through an entry costs the server more than to read two keys. So we guess where a
        known name leads; a wrong guess costs a round trip more, and nothing else.
        """
        wanted = [keys.inode(ino) for ino in inos]
        wanted.extend(others)
        through = []
        hints = self._hints
        for place in names:
            guess = hints.get(place)
            if guess is None:
                through.append(keys.entry(*place))
            else:
                wanted += (keys.entry(*place), keys.inode(guess))
        self.txn.prefetch(wanted, through)

    def load_to_change(self, *names: tuple[int, bytes], inos: Sequence[int] = ()) -> None:
        """`load` of what an operation on names needs: directories, entries, settings."""
        parents = dict.fromkeys(parent for parent, _ in names)
        self.load([*parents, *inos], names, (keys.SETTINGS,))

    def load_to_make(self, parent: int, name: bytes, inos: Sequence[int] = ()) -> None:
        """`load` of what a new name needs: most likely, there is nothing under it."""
        self.load([parent, *inos], (), (keys.SETTINGS, keys.entry(parent, name)))

    @property
    def settings(self) -> Settings:
        """The volume's settings."""
        raw = self.txn.get(keys.SETTINGS)
        return self._client.parse_settings(raw) if raw else _DEFAULTS

    def find(self, ino: int) -> Node | None:
        """The inode, None if there is none."""
        node = self._nodes.get(ino)
        if node is None:
            raw = self.txn.get(keys.inode(ino))
            if raw is None:
                return None
            node = self._nodes[ino] = Node.unpack(ino, raw)
        return node

    def node(self, ino: int) -> Node:
        """The inode; ENOENT."""
        node = self.find(ino)
        if node is None:
            raise MetaError(errno.ENOENT)
        return node

    def directory(self, ino: int) -> Node:
        """The inode of a directory; ENOENT, ENOTDIR."""
        node = self.node(ino)
        if node.kind != FileKind.DIRECTORY:
            raise MetaError(errno.ENOTDIR)
        return node

    def entry(self, parent: int, name: bytes) -> int | None:
        """The inode number under a name, None if there is none."""
        raw = self.txn.get(keys.entry(parent, name))
        if raw is None:
            self._hints.pop((parent, name), None)
            return None
        ino = records.unpack_entry(raw)[0]
        self._hint(parent, name, ino)
        return ino

    def existing(self, parent: int, name: bytes) -> Node:
        """The inode under a name; ENOENT."""
        ino = self.entry(parent, name)
        if ino is None:
            raise MetaError(errno.ENOENT)
        return self.node(ino)

    def is_empty(self, ino: int) -> bool:
        """Whether a directory has no entries."""
        prefix = keys.entry(ino, b"")
        return not self.txn.scan(prefix, keys.after(prefix), limit=1, keys_only=True)

    # --- changing ------------------------------------------------------------------------------

    def save(self, node: Node) -> None:
        """The inode changed; it is written when the operation ends."""
        self._nodes[node.ino] = self._dirty[node.ino] = node

    def touch_names(self, directory: Node) -> None:
        """A directory's entries changed."""
        directory.mtime_ns = directory.ctime_ns = self.now_ns
        self.save(directory)

    def put_entry(self, parent: int, name: bytes, node: Node) -> None:
        """Let a name lead to an inode."""
        self._hint(parent, name, node.ino)
        self.txn.put(keys.entry(parent, name), records.pack_entry(node.ino, node.kind))

    def _hint(self, parent: int, name: bytes, ino: int) -> None:
        if len(self._hints) >= _HINTS_MAX:
            self._hints.clear()
        self._hints[parent, name] = ino

    def forget(self, ino: int) -> None:
        """Delete an inode's record."""
        self._nodes.pop(ino, None)
        self._dirty.pop(ino, None)
        self.txn.delete(keys.inode(ino))

    def note(
        self,
        kind: str,
        ino: int,
        parent: int = 0,
        name: bytes = b"",
        new_parent: int = 0,
        new_name: bytes = b"",
    ) -> None:
        """Tell the change feed, if the volume keeps one."""
        if self.settings.changelog:
            raw = records.pack_change(
                self.now_ns, kind, ino, parent, name, new_parent, new_name, self.sid
            )
            self.txn.append(keys.CHANGE, raw)

    def finish(self) -> None:
        """Write what changed."""
        for node in self._dirty.values():
            self.txn.put(keys.inode(node.ino), node.pack())
        self.txn.add(keys.USED_BYTES, self._bytes)
        self.txn.add(keys.USED_INODES, self._inodes)

    # --- use and limits ------------------------------------------------------------------------

    def charge(self, node: Node, size_bytes: int, inodes: int) -> None:
        """Count bytes and inodes for volume and owner; ENOSPC, EDQUOT when that passes a limit.

        What has no name any more, and is not in the trash, is not counted.
        """
        self._bytes += size_bytes
        self._inodes += inodes
        settings = self.settings
        if size_bytes > 0 and settings.capacity_bytes:
            used = self.txn.counter(keys.USED_BYTES) + self._bytes
            if used > settings.capacity_bytes:
                raise MetaError(errno.ENOSPC)
        if inodes > 0 and settings.capacity_inodes:
            used = self.txn.counter(keys.USED_INODES) + self._inodes
            if used > settings.capacity_inodes:
                raise MetaError(errno.ENOSPC)
        if settings.user_quotas:
            self._charge_quota(QuotaKind.USER, node.uid, size_bytes, inodes)

    def charge_tree(self, directory: int, size_bytes: int, inodes: int) -> None:
        """Count bytes and inodes for the directory quotas that hold at a directory; EDQUOT."""
        if self.settings.directory_quotas and (size_bytes or inodes):
            for ino in self.ancestors(directory):
                self._charge_quota(QuotaKind.DIRECTORY, ino, size_bytes, inodes)

    def charge_size(self, node: Node, size_bytes: int) -> None:
        """Count a change of a file's size everywhere; EFBIG is the caller's to check."""
        if node.nlink or node.parent == TRASH_INO:
            self.charge(node, size_bytes, 0)
        if node.nlink and self.settings.directory_quotas:
            for parent, count in self.parents(node):
                self.charge_tree(parent, size_bytes * count, 0)

    def move_use(self, kind: QuotaKind, old: int, new: int, size_bytes: int, inodes: int) -> None:
        """Count something for another key than before."""
        self._charge_quota(kind, old, -size_bytes, -inodes)
        self._charge_quota(kind, new, size_bytes, inodes)

    def drop_quota(self, kind: QuotaKind, key: int) -> bool:
        """There is no limit any more, and nothing to count; False if there was none."""
        if kind == QuotaKind.DIRECTORY and not self.settings.directory_quotas:
            return False
        limit = keys.quota(kind, key)
        if self.txn.get(limit) is None:
            return False
        self.txn.delete(limit)
        for what in (b"b", b"i"):
            name = keys.quota_use(kind, key, what)
            self.txn.add(name, -self.txn.counter(name))
        return True

    def _charge_quota(self, kind: QuotaKind, key: int, size_bytes: int, inodes: int) -> None:
        raw = self.txn.get(keys.quota(kind, key))
        if raw is None:
            return
        max_bytes, max_inodes = records.unpack_quota(raw)
        for what, delta, limit in ((b"b", size_bytes, max_bytes), (b"i", inodes, max_inodes)):
            if not delta:
                continue
            name = keys.quota_use(kind, key, what)
            self.txn.add(name, delta)
            if delta > 0 and limit and self.txn.counter(name) > limit:
                raise MetaError(errno.EDQUOT)

    # --- the tree ------------------------------------------------------------------------------

    def ancestors(self, ino: int) -> Iterator[int]:
        """A directory and all above it up to the root."""
        seen = 0
        while ino not in {0, TRASH_INO} and seen < 100_000:
            yield ino
            if ino == ROOT_INO:
                return
            node = self.find(ino)
            if node is None:
                return
            ino = node.parent
            seen += 1

    def parents(self, node: Node) -> list[tuple[int, int]]:
        """(directory, number of names there) of an inode."""
        if node.parent:
            return [(node.parent, 1)] if node.parent != TRASH_INO else []
        prefix = keys.links(node.ino, 0)[:9]
        found = self.txn.scan(prefix, keys.after(prefix))
        return [(keys.number(key, 9), int.from_bytes(value, "big")) for key, value in found]


def check_name(name: bytes) -> None:
    """ENOENT for no name, ENAMETOOLONG, EINVAL for "/" and NUL, EEXIST for "." and ".."."""
    if not name:
        raise MetaError(errno.ENOENT)
    if len(name) > NAME_BYTES_MAX:
        raise MetaError(errno.ENAMETOOLONG)
    if b"/" in name or b"\x00" in name:
        raise MetaError(errno.EINVAL)
    if name in {b".", b".."}:
        raise MetaError(errno.EEXIST)


def check_changeable(node: Node) -> None:
    """EPERM for what is immutable or only to be appended to."""
    if node.flags & (InodeFlag.IMMUTABLE | InodeFlag.APPEND_ONLY):
        raise MetaError(errno.EPERM)
