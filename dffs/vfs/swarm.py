"""The seam to the node's dfdaemon: content of files by way of the swarm. Implemented in dffs.cache."""

from __future__ import annotations

from typing import Protocol


class SwarmFile(Protocol):
    """One file's content as the daemon has it. Blocking; thread-safe."""

    @property
    def failed(self) -> bool:
        """The daemon cannot bring it (any more)."""
        ...

    def read_into(self, offset: int, view: memoryview) -> bool:
        """Fill the view when the daemon has these bytes, which are not compared with anything yet;
        False if they will not come: the object store has to be asked."""
        ...

    def complete_fd(self) -> int | None:
        """A descriptor of the daemon's file once it is complete and checked; stays open as long as
        this object is held."""
        ...

    def close(self) -> None:
        """Nobody reads any more: what is under way for this reader alone may end."""
        ...


class Swarm(Protocol):
    """The node's daemon."""

    def open(self, content: str, size_bytes: int) -> SwarmFile | None:
        """The file with the digest `content`; None if there is no daemon to ask."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...
