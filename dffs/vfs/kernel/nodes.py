"""Which node the kernel knows an inode by, and how the kernel reads it.

A node is an inode's number, as a rule. While the kernel reads a node's complete file by itself
(passthrough) that node cannot be opened in any other way. An open that needs another way, for
writing or for a newer content, gets ESTALE: the kernel then looks the name up again, and is given a
new node for the same inode. Those who have the old one open go on reading what they had opened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dffs.fuse.passthrough import Backings

# Nodes that are not inodes: high enough to be none of the engine's numbers.
_FIRST_ALIAS = 1 << 62
# The kernel comes back at once; this is for machines that are very busy.
_RESERVED_S = 5.0
_KEPT_S = 30.0


class Admission(NamedTuple):
    """How an open file is read: by the kernel from `backing_id`, or (0) by asking us."""

    backing_id: int


class Nodes:
    """The exceptions to "a node is an inode's number": the root of a subdirectory mount, and aliases."""

    def __init__(self, root_node: int, root_ino: int) -> None:
        self._lock = threading.Lock()
        self._ino_of: dict[int, int] = {}
        self._node_of: dict[int, int] = {}
        self._known: dict[int, int] = {}  # alias -> how often the kernel was told of it
        self._idle: dict[int, float] = {}  # alias -> since when the kernel does not know it
        self._next = _FIRST_ALIAS
        if root_node != root_ino:
            self._ino_of[root_node] = root_ino
            self._node_of[root_ino] = root_node

    def ino(self, node: int) -> int:
        """The inode behind a node."""
        return self._ino_of.get(node, node)

    def node(self, ino: int) -> int:
        """The node for an inode; does not count as telling the kernel."""
        return self._node_of.get(ino, ino)

    def told(self, ino: int) -> int:
        """The node for an inode, which the kernel is now told once more."""
        node = self._node_of.get(ino, ino)
        if node in self._known:
            with self._lock:
                if node in self._known:
                    self._known[node] += 1
        return node

    def renew(self, node: int) -> int:
        """From now on this node's inode is told under a new one, unless that has happened already."""
        with self._lock:
            ino = self._ino_of.get(node, node)
            present = self._node_of.get(ino, ino)
            if present != node:
                return present
            alias, self._next = self._next, self._next + 1
            self._ino_of[alias] = ino
            self._node_of[ino] = alias
            self._known[alias] = 0
            self._idle[alias] = time.monotonic()
            self._clear()
            return alias

    def forget(self, forgotten: Iterable[tuple[int, int]]) -> None:
        """The kernel no longer holds a node that it was told so many times."""
        known = self._known
        if not known:
            return
        with self._lock:
            for node, times in forgotten:
                if node not in known:
                    continue
                known[node] -= times
                if known[node] <= 0:
                    self._idle[node] = time.monotonic()
            self._clear()

    def _clear(self) -> None:
        """Let go of aliases that the kernel has not known for a while.

        Not at once: between two lookups of one open(2) it forgets what the first one told it.
        """
        long_ago = time.monotonic() - _KEPT_S
        for node, since in list(self._idle.items()):
            if self._known.get(node, 0) > 0:
                del self._idle[node]
            elif since < long_ago:
                del self._idle[node], self._known[node]
                ino = self._ino_of.pop(node)
                if self._node_of.get(ino) == node:
                    del self._node_of[ino]

    def export(self) -> list[tuple[int, int, int, bool]]:
        """(alias, inode, times told, whether it is the present one), for a successor."""
        with self._lock:
            return [
                (alias, self._ino_of[alias], told, self._node_of.get(self._ino_of[alias]) == alias)
                for alias, told in self._known.items()
            ]

    def adopt(self, rows: Sequence[tuple[int, int, int, bool]]) -> None:
        """Take over what a predecessor exported."""
        with self._lock:
            for alias, ino, told, present in rows:
                self._ino_of[alias] = ino
                self._known[alias] = told
                self._idle[alias] = time.monotonic()
                if present:
                    self._node_of[ino] = alias
                self._next = max(self._next, alias + 1)


class IoModes:
    """Decides for each open how the kernel is to read: all open handles of a node agree."""

    def __init__(self, backings: Backings) -> None:
        self.backings = backings
        self._lock = threading.Lock()
        self._asking: dict[int, int] = {}  # node -> open handles that ask us
        self._reserved: dict[
            int, float
        ] = {}  # node -> until when the kernel does not read it itself

    def admit(self, node: int, version: int, complete_fd: int | None) -> Admission | None:
        """How this open is read; None if it cannot be at this node."""
        with self._lock:
            held = self.backings.version(node)
            if held is not None:
                if complete_fd is None:
                    return None
                backing_id = self.backings.join(node, version)
                return None if backing_id is None else Admission(backing_id)
            if self._reserved and self._is_reserved(node):
                complete_fd = None
            if complete_fd is not None and not self._asking.get(node):
                backing_id = self.backings.open(node, version, complete_fd)
                if backing_id is not None:
                    return Admission(backing_id)
            self._asking[node] = self._asking.get(node, 0) + 1
            return Admission(0)

    def reserve(self, node: int) -> None:
        """A writer is on its way to this node: readers that come first must not shut it out again."""
        with self._lock:
            now = time.monotonic()
            self._reserved = {n: end for n, end in self._reserved.items() if end > now}
            self._reserved[node] = now + _RESERVED_S

    def _is_reserved(self, node: int) -> bool:
        return self._reserved.get(node, 0.0) > time.monotonic()

    def leave(self, node: int, backing_id: int) -> None:
        """A handle is closed."""
        with self._lock:
            if backing_id:
                self.backings.close(node)
                return
            left = self._asking.get(node, 0) - 1
            if left > 0:
                self._asking[node] = left
            else:
                self._asking.pop(node, None)

    def adopt(self, asking: Iterable[int]) -> None:
        """A predecessor's handles that ask us, by node, once for each."""
        with self._lock:
            for node in asking:
                self._asking[node] = self._asking.get(node, 0) + 1
