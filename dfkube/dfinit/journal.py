"""Writes files and remembers what was there before, so that all of it can be undone.

The journal is one JSON file. A file that somebody changed after us is left as it is by the undo, and
named: their change must not be lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfcore.errors import ConfigError


class Journal:
    """What was changed below ``root``, kept in the file ``path``."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path = path
        self._root = root
        self._entries: dict[str, dict[str, Any]] = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self._path}: cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise ConfigError(f"{self._path}: is no journal of dfinit")
        return found

    def text_of(self, name: str) -> str | None:
        """A file below the root; None if it is not there. Raises ConfigError."""
        try:
            return (self._root / name).read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"/{name}: {error.strerror}") from error

    def apply(self, files: Mapping[str, str]) -> list[str]:
        """Write the files that differ; returns their names. What was there is remembered first."""
        changed = [name for name, text in files.items() if self.text_of(name) != text]
        for name in changed:
            known = self._entries.get(name)
            before = known["before"] if known else self.text_of(name)
            self._entries[name] = {"before": before, "after": files[name]}
        self._write()
        for name in changed:
            _replace(self._root / name, files[name])
        return changed

    def undo(self) -> tuple[list[str], list[str]]:
        """Put back what was there; returns what was put back, and what others have changed since."""
        restored, foreign = [], []
        for name, entry in list(self._entries.items()):
            now = self.text_of(name)
            if now not in (entry["after"], entry["before"]):
                foreign.append(name)
                continue
            self._put_back(name, entry["before"])
            restored.append(name)
            del self._entries[name]
        self._write()
        return restored, foreign

    def _put_back(self, name: str, before: str | None) -> None:
        path = self._root / name
        if before is not None:
            _replace(path, before)
            return
        path.unlink(missing_ok=True)
        try:
            path.parent.rmdir()
        except OSError:
            pass  # others keep something there

    def _write(self) -> None:
        if self._entries:
            _replace(self._path, json.dumps(self._entries, indent=2) + "\n", mode=0o600)
        else:
            self._path.unlink(missing_ok=True)


def _replace(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all; an existing one keeps its permissions."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            mode = path.stat().st_mode & 0o7777
        new = path.with_name(f".{path.name}.dfinit")
        with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
