"""Where an interrupted synchronisation goes on: a small JSON file, replaced atomically.

Actions are begun in the order of keys and end in any order. The file holds the last key up to which all
have ended, and those that failed: a second run of the same command lists from there.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfcore.errors import BadInput


def fingerprint(*parts: object) -> str:
    """Names a synchronisation: the same command gives the same."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


@dataclass
class Frontier:
    """Pure: which key everything has ended up to. Keys begin in ascending order."""

    done_through: str = ""
    failed: set[str] = field(default_factory=set)
    _running: list[tuple[bytes, str]] = field(default_factory=list)
    _ended: set[str] = field(default_factory=set)

    def begin(self, key: str) -> None:
        """An action on the key was begun."""
        heapq.heappush(self._running, (key.encode("utf-8", "surrogateescape"), key))

    def end(self, key: str, *, failed: bool = False) -> None:
        """It ended; a failed one is remembered and does not hold up the others."""
        if failed:
            self.failed.add(key)
        else:
            self.failed.discard(key)
        self._ended.add(key)
        while self._running and self._running[0][1] in self._ended:
            _, first = heapq.heappop(self._running)
            self._ended.discard(first)
            self.done_through = first


class Checkpoint:
    """The frontier on disk. Thread-safe."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._lock = threading.Lock()
        self._frontier = Frontier()
        found = self._read()
        if found is not None:
            self._frontier.done_through = str(found["done_through"])
            self._frontier.failed = set(found["failed"])
        self.resumed_after = self._frontier.done_through
        self.failed_before = sorted(self._frontier.failed)

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise BadInput(f"{self._path}: not a checkpoint: {error}") from error
        if not isinstance(found, dict) or found.get("name") != self._name:
            return None
        return found

    def begin(self, key: str) -> None:
        """An action was begun. Call in the order of keys."""
        with self._lock:
            self._frontier.begin(key)

    def end(self, key: str, *, failed: bool = False) -> None:
        """An action ended."""
        with self._lock:
            self._frontier.end(key, failed=failed)

    def save(self) -> None:
        """Write it down."""
        with self._lock:
            record = {
                "name": self._name,
                "done_through": self._frontier.done_through,
                "failed": sorted(self._frontier.failed),
            }
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            partial.write_text(json.dumps(record))
            partial.replace(self._path)

    def remove(self) -> None:
        """All is done: the next run begins at the beginning."""
        self._path.unlink(missing_ok=True)
