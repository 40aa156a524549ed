"""A file that is being written without a mount: it gets its name when it is closed."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from dffs.tree import Tree

if TYPE_CHECKING:
    from typing_extensions import Buffer


class VolumeWriter(io.RawIOBase):
    """Sequential writing. `discard()` instead of `close()` leaves nothing behind; so does an error."""

    def __init__(
        self, tree: Tree, path: str, *, begin_with: int | None = None, only_new: bool = False
    ) -> None:
        """`begin_with`: an inode whose content comes first (for appending)."""
        super().__init__()
        self._tree = tree
        self._parent, self._name = tree.place_for(path)
        self._only_new = only_new
        if begin_with is None:
            self._partial, attr = tree.begin(self._parent, self._name)
            self._handle = tree.files.opened(attr, os.O_RDWR)
        else:
            partial = tree.clone_aside(begin_with, self._parent, self._name)
            if partial is None:
                raise FileNotFoundError(path)
            self._partial = partial
            attr = tree.meta.lookup(tree.caller, self._parent, partial)
            self._handle = tree.files.open(tree.caller, attr.ino, os.O_RDWR)
        self._at = self._handle.attr.size_bytes
        self._open = True

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Buffer) -> int:
        """Take all of `data`."""
        written = self._handle.write(self._at, data)
        self._at += written
        return written

    def tell(self) -> int:
        """How many bytes there are."""
        return self._at

    def flush(self) -> None:
        """What was written is stored; nobody sees it before close()."""
        if self._open:
            self._handle.flush()

    def close(self) -> None:
        """Store the rest and give the file its name."""
        if not self._open:
            super().close()
            return
        self._open = False
        try:
            try:
                self._handle.fsync()
            finally:
                self._handle.release()
            self._tree.publish(
                self._parent, self._partial, self._name, overwrite=not self._only_new
            )
        except BaseException:
            self._tree.discard(self._parent, self._partial)
            raise
        finally:
            super().close()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._open:
            self._open = False
            self._handle.release()
            self._tree.discard(self._parent, self._partial)
        super().close()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
