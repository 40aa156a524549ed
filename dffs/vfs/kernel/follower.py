"""Tells the kernel what other clients of the volume have changed, from the volume's change feed.

Where the feed is on (`dffs config --changelog`) a mount may let its kernel believe names and attributes
for long: what others change is forgotten within seconds all the same. Our own changes the kernel
knows. One thread per mount, started and stopped by `mounting`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from dfcore.errors import MeganeuraError
from dfinfra.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from dffs.meta.types import Change

_EVERY_S = 1.0
_PAGE = 1000
_CONTENT = frozenset({"write", "truncate"})
_ATTRIBUTES = frozenset({"setattr", "xattr", "acl", "link", "unlink", "rename", "exchange"})

_log = get_logger("mount")


class Feed(Protocol):
    """Where changes come from; a part of MetaApi."""

    def changes(self, after_seq: int = 0, limit: int = 1000) -> list[Change]:
        """The changes after a number, in order."""
        ...


class Kernel(Protocol):
    """Who is told; a part of dffs.fuse.notify.Notifier."""

    def inode_changed(self, node: int, offset: int = 0, length: int = 0) -> bool:
        """Attributes and pages are not true any more."""
        ...

    def attributes_changed(self, node: int) -> bool:
        """Attributes are not true any more."""
        ...

    def name_changed(self, parent: int, name: bytes, *, expire: bool = False) -> bool:
        """A name is to be asked for again."""
        ...


class Follower:
    """`node_of` gives the kernel's node for an inode; `own` is the session whose changes are ours."""

    def __init__(self, feed: Feed, kernel: Kernel, node_of: Callable[[int], int], own: int) -> None:
        self._feed = feed
        self._kernel = kernel
        self._node_of = node_of
        self._own = own
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._seq = self._newest()

    def start(self) -> None:
        """Follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no longer."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _newest(self) -> int:
        seq = 0
        while page := self._feed.changes(seq, _PAGE):
            seq = page[-1].seq
        return seq

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            try:
                self.catch_up()
            except (OSError, MeganeuraError) as error:
                _log.warning("the change feed cannot be followed", error=str(error))

    def catch_up(self) -> None:
        """Tell the kernel all that has happened until now."""
        while page := self._feed.changes(self._seq, _PAGE):
            for change in page:
                if change.sid != self._own or not self._own:
                    self._tell(change)
            self._seq = page[-1].seq

    def _tell(self, change: Change) -> None:
        kernel, node_of = self._kernel, self._node_of
        for parent, name in (
            (change.parent, change.name),
            (change.new_parent, change.new_name),
        ):
            if name:
                kernel.name_changed(node_of(parent), name, expire=True)
                kernel.attributes_changed(node_of(parent))
        if change.kind in _CONTENT:
            kernel.inode_changed(node_of(change.ino))
        elif change.kind in _ATTRIBUTES:
            kernel.attributes_changed(node_of(change.ino))
