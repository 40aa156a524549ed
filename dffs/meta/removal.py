"""rm -r in many small transactions."""

from __future__ import annotations

import errno

from dffs.meta.kv import batches
from dffs.meta.moves import Moves
from dffs.meta.names import Names
from dffs.meta.types import Caller, FileKind, MetaError
from dffs.meta.work import Work

_PAGE = 1000
_AT_ONCE = 100


class Removal(Moves, Names):
    """Removes whole trees; what others put there meanwhile is removed as well."""

    def remove_tree(
        self, caller: Caller, parent: int, name: bytes, *, skip_trash: bool = False
    ) -> int:
        """rm -r; gives how many entries went."""
        attr = self.lookup(caller, parent, name)
        if attr.kind != FileKind.DIRECTORY:
            self.unlink(caller, parent, name, skip_trash=skip_trash)
            return 1
        gone = 0
        stack = [(parent, name, attr.ino)]
        while stack:
            above, called, ino = stack[-1]
            below: list[tuple[int, bytes, int]] = []
            files: list[bytes] = []
            for entry in self.readdir(caller, ino, limit=_PAGE):
                if entry.kind == FileKind.DIRECTORY:
                    below.append((ino, entry.name, entry.ino))
                else:
                    files.append(entry.name)
            for some in batches(files, _AT_ONCE):
                gone += self._unlink_some(caller, ino, some, skip_trash=skip_trash)
            if below:
                stack += below
                continue
            try:
                self.rmdir(caller, above, called, skip_trash=skip_trash)
            except MetaError as error:
                if error.errno == errno.ENOTEMPTY:
                    continue
                if error.errno != errno.ENOENT:
                    raise
            stack.pop()
            gone += 1
        return gone

    def _unlink_some(
        self, caller: Caller, parent: int, names: list[bytes], *, skip_trash: bool
    ) -> int:
        """Remove names of files in one transaction; those that are gone already do not count."""

        def op(work: Work) -> int:
            work.load_to_change(*((parent, name) for name in names))
            return sum(self._unlink(work, caller, parent, name, skip_trash) for name in names)

        return self._write(op, parent)

    def _unlink(
        self, work: Work, caller: Caller, parent: int, name: bytes, skip_trash: bool
    ) -> bool:
        if work.entry(parent, name) is None:
            return False
        node = self._removable(work, caller, parent, name)
        if node.is_directory:
            return False  # made meanwhile: the next look finds it
        self._remove(work, work.node(parent), name, node, skip_trash)
        work.note("unlink", node.ino, parent, name)
        return True
