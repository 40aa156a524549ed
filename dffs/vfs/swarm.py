"""The seam to the node's dfdaemon: content of files by way of the swarm. Implemented in dffs.cache."""

from __future__ import annotations

from typing import Protocol


class SwarmFile(Protocol):
    """One file's content as the daemon has it. Blocking; thread-safe."""

    def read(self, offset: int, length: int) -> memoryview | None:
        """These bytes when the daemon has them, not compared with anything yet; None if it cannot
        get them: the object store has to be asked."""
        ...

    def complete_fd(self) -> int | None:
        """A descriptor of the daemon's file once it is complete and checked; stays open until
        close()."""
        ...

    def close(self) -> None:
        """Nobody reads any more."""
        ...


class Swarm(Protocol):
    """The node's daemon."""

    def open(self, content: str, size_bytes: int) -> SwarmFile | None:
        """The file with the digest `content`; None if there is no daemon to ask."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...
