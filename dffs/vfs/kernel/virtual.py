"""Files at the root of every mount that are not the volume's: .stats, .config, .accesslog.

They do not show in listings, cannot be changed, and are made when they are opened. `dffs stats`,
`dffs profile`, `dffs debug` and people read them.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Mapping

from dffs.fuse import wire
from dffs.fuse.wire import AttrOut, EntryOut
from dffs.vfs.kernel.accesslog import AccessLog
from dffs.vfs.kernel.handles import VirtualHandle

# JuiceFS's place for such files; the engine gives out no numbers that high.
_FIRST_NODE = 0x7FFFFFFF00000000
_TTL = (3600, 0)
ACCESS_LOG = b".accesslog"


class VirtualFiles:
    """What is there besides the volume. `texts` makes the content of each other file."""

    def __init__(self, texts: Mapping[bytes, Callable[[], bytes]], access_log: AccessLog) -> None:
        self._texts = dict(texts)
        self._access_log = access_log
        names = [*self._texts, ACCESS_LOG]
        self._nodes = {name: _FIRST_NODE + number for number, name in enumerate(names, start=1)}
        self._names = {node: name for name, node in self._nodes.items()}
        self._made_ns = time.time_ns()

    def has(self, name: bytes) -> bool:
        """Whether the name at the root is one of ours."""
        return name in self._nodes

    def is_node(self, node: int) -> bool:
        """Whether the node is one of ours."""
        return node in self._names

    def lookup(self, name: bytes) -> EntryOut | None:
        """Our file of this name, None if it is none of ours."""
        node = self._nodes.get(name)
        return None if node is None else wire.entry_out(node, self.attr(node), _TTL)

    def attr(self, node: int) -> AttrOut:
        """For whoever mounted, and that group: who asked for what is nobody else's business."""
        times = (self._made_ns,) * 3
        owner = (os.geteuid(), os.getegid())
        return wire.attr_out(node, stat.S_IFREG | 0o440, 0, times, owner=owner, ttl=_TTL)

    def open(self, node: int) -> VirtualHandle:
        """One reader, with the content of now."""
        name = self._names.get(node)
        if name is None:
            raise OSError(errno.ENOENT, "no such file")
        if name == ACCESS_LOG:
            return VirtualHandle(node, *self._access_log.open())
        content = self._texts[name]()
        return VirtualHandle(node, lambda offset, size: content[offset : offset + size], _nothing)


def _nothing() -> None:
    return None
