"""What is published on this node, kept in files, so that a driver that restarts knows it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from dfcore.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Record:
    """One published target: of which share, which folder of it, and how."""

    volume_id: str
    target: str
    share: str
    folder: str
    read_only: bool


class Records:
    """One JSON file per target in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, target: str) -> Record | None:
        try:
            return _read(self._path(target))
        except FileNotFoundError:
            return None

    def all(self) -> list[Record]:
        """All that can be read."""
        return [_read(path) for path in sorted(self._folder.glob("*.json"))]

    def put(self, record: Record) -> None:
        """Keep it, whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(record.target)
        new = path.with_suffix(".new")
        with new.open("w") as file:
            json.dump(asdict(record), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def drop(self, target: str) -> None:
        self._path(target).unlink(missing_ok=True)

    def _path(self, target: str) -> Path:
        return self._folder / f"{hashlib.sha256(target.encode()).hexdigest()[:32]}.json"


def _read(path: Path) -> Record:
    try:
        return Record(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: is no record of a published volume") from error
