"""Files of the node's disk that the kernel reads by itself in place of ours (FUSE passthrough).

Linux 6.9 or newer, with CAP_SYS_ADMIN; the backing file must not lie on a stacked file system.
One `Backings` per connection. The rules of the kernel (Documentation/filesystems/fuse-passthrough.rst):
all open handles of a node have the same backing file, or none has one.
"""

from __future__ import annotations

import errno
import fcntl
import threading
from dataclasses import dataclass
from struct import Struct

_BACKING_OPEN = 0x4010E501
_BACKING_CLOSE = 0x4004E502
_MAP = Struct("=iIQ")
_ID = Struct("=I")
# The kernel or our rights do not allow it: no use in asking again.
_NEVER = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ELOOP})


@dataclass(slots=True)
class _Backing:
    backing_id: int
    version: int
    users: int


class Backings:
    """Which nodes are served by the kernel, and from which version of their content."""

    def __init__(self, device: int, *, enabled: bool) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._by_node: dict[int, _Backing] = {}
        self.enabled = enabled
        self.refused = ""

    @property
    def count(self) -> int:
        """How many nodes the kernel reads by itself."""
        return len(self._by_node)

    def version(self, node: int) -> int | None:
        """The version of content that the kernel reads at this node; None: it asks us."""
        held = self._by_node.get(node)
        return held.version if held else None

    def join(self, node: int, version: int) -> int | None:
        """One more handle on a node that has this version already; gives the backing id."""
        with self._lock:
            held = self._by_node.get(node)
            if held is None or held.version != version:
                return None
            held.users += 1
            return held.backing_id

    def open(self, node: int, version: int, fd: int) -> int | None:
        """Hand `fd` to the kernel for this node; None if that is not possible. `fd` stays yours."""
        if (backing_id := self.join(node, version)) is not None:
            return backing_id
        with self._lock:
            if not self.enabled or node in self._by_node:
                return None
            try:
                # A mutable buffer: only then does Python give what the call returns.
                made = fcntl.ioctl(self._device, _BACKING_OPEN, bytearray(_MAP.pack(fd, 0, 0)))
            except OSError as error:
                if error.errno in _NEVER:
                    self.enabled = False
                    self.refused = error.strerror or str(error)
                return None
            backing_id = int(made)
            self._by_node[node] = _Backing(backing_id, version, 1)
            return backing_id

    def close(self, node: int) -> None:
        """One handle fewer."""
        with self._lock:
            held = self._by_node.get(node)
            if held is None:
                return
            held.users -= 1
            if held.users:
                return
            del self._by_node[node]
            try:
                fcntl.ioctl(self._device, _BACKING_CLOSE, _ID.pack(held.backing_id))
            except OSError:
                pass  # unmounted meanwhile

    def export(self) -> list[tuple[int, int, int, int]]:
        """(node, backing id, version, users), for a successor of this process."""
        with self._lock:
            return [
                (node, held.backing_id, held.version, held.users)
                for node, held in self._by_node.items()
            ]

    def adopt(self, rows: list[tuple[int, int, int, int]]) -> None:
        """Take over what a predecessor exported."""
        with self._lock:
            self._by_node = {
                node: _Backing(backing_id, version, users)
                for node, backing_id, version, users in rows
            }
