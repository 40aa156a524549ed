"""What the server tells the kernel unasked: forget this attribute, this name, these pages.

Never call it from the thread that handles a request about the same inode: the kernel may wait for
locks that this request holds. `Server.notifier` is the one instance of a connection.
"""

from __future__ import annotations

import errno
import os

from dffs.fuse.wire import (
    INVAL_ENTRY_OUT,
    INVAL_INODE_OUT,
    OUT_HEADER,
    Notify,
)

_EXPIRE_ONLY = 1


class Notifier:
    """Messages to the kernel over one connection's descriptor. All return whether they arrived."""

    def __init__(self, device: int) -> None:
        self._device = device

    def inode_changed(self, node: int, offset: int = 0, length: int = 0) -> bool:
        """Drop the attributes and the cached pages from `offset` (length 0: to the end)."""
        return self._send(Notify.INVAL_INODE, INVAL_INODE_OUT.pack(node, offset, length))

    def attributes_changed(self, node: int) -> bool:
        """Drop the attributes, keep the pages."""
        return self._send(Notify.INVAL_INODE, INVAL_INODE_OUT.pack(node, -1, 0))

    def name_changed(self, parent: int, name: bytes, *, expire: bool = False) -> bool:
        """Drop a name; with `expire` it is only asked for again, what is mounted or open below stays."""
        head = INVAL_ENTRY_OUT.pack(parent, len(name), _EXPIRE_ONLY if expire else 0)
        return self._send(Notify.INVAL_ENTRY, head + name + b"\0")

    def _send(self, code: Notify, body: bytes) -> bool:
        message = OUT_HEADER.pack(16 + len(body), int(code), 0) + body
        try:
            os.write(self._device, message)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENODEV, errno.EINVAL, errno.ENOTCONN}:
                return False
            raise
        return True
