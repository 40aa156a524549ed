"""rm -r in many small transactions."""

from __future__ import annotations

import errno

from dffs.meta.moves import Moves
from dffs.meta.names import Names
from dffs.meta.types import Caller, FileKind, MetaError

_PAGE = 1000


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
            for entry in self.readdir(caller, ino, limit=_PAGE):
                if entry.kind == FileKind.DIRECTORY:
                    below.append((ino, entry.name, entry.ino))
                else:
                    gone += self._gone(caller, ino, entry.name, skip_trash)
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

    def _gone(self, caller: Caller, parent: int, name: bytes, skip_trash: bool) -> int:
        try:
            self.unlink(caller, parent, name, skip_trash=skip_trash)
        except MetaError as error:
            if error.errno != errno.ENOENT:
                raise
            return 0
        return 1
