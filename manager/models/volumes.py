"""The volumes that the manager may use: how to open one is sealed in the database."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, MeganeuraError, NotFound, Unavailable
from dffs.options import CacheOptions, VolumeOptions
from dffs.volume import Volume
from manager.db.database import Database
from manager.db.models import Model, VolumeRow
from manager.jobs.vault import Vault

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class Volumes:
    """Opens volumes on first use. Blocking and thread-safe."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._lock = threading.Lock()
        self._open: dict[str, tuple[bytes, Volume]] = {}

    def get(self, name: str) -> Volume:
        """The volume, open. Raises NotFound, Unavailable."""
        sealed = self._database.transact(lambda s: _row(s, name).sealed, read_only=True)
        with self._lock:
            kept = self._open.get(name)
            if kept is not None and kept[0] == sealed:
                return kept[1]
            volume = _opened(name, self._vault.open(sealed, f"volume/{name}"))
            if kept is not None:
                kept[1].close()
            self._open[name] = sealed, volume
            return volume

    def put(self, name: str, meta_url: str, passphrase: str, *, bio: str = "") -> VolumeRow:
        """Make a volume known, after it was opened to see that it is one."""
        if not _NAME.fullmatch(name):
            raise BadInput("name: lower-case letters, digits and '-', at most 64")
        _check_file(meta_url)
        plain = json.dumps({"meta_url": meta_url, "passphrase": passphrase}).encode()
        try:
            volume = _opened(name, plain)
        except Unavailable as error:  # what was asked for cannot be had: no fault of ours
            raise BadInput(str(error)) from error
        try:
            shown = f"{volume.name} at {volume.blocks.url}"
        finally:
            volume.close()
        sealed = self._vault.seal(plain, f"volume/{name}")

        def kept(session: Session) -> VolumeRow:
            row = session.scalar(select(VolumeRow).where(VolumeRow.name == name))
            if row is None:
                row = VolumeRow(name=name, sealed=b"")
                session.add(row)
            row.sealed, row.bio, row.shown = sealed, bio, shown[:1000]
            session.flush()
            return row

        return self._database.transact(kept)

    def close(self) -> None:
        """Close all that are open."""
        with self._lock:
            while self._open:
                _, (_, volume) = self._open.popitem()
                volume.close()


def listed(session: Session) -> Sequence[VolumeRow]:
    """All volumes by name."""
    return session.scalars(select(VolumeRow).order_by(VolumeRow.name)).all()


def remove(session: Session, name: str) -> None:
    """Forget a volume; nothing in it changes. Raises NotFound, BadInput while models are in it."""
    row = _row(session, name)
    if session.scalar(select(Model.id).where(Model.volume == name).limit(1)) is not None:
        raise BadInput(f"volume {name} holds models: remove them first")
    session.delete(row)


def _row(session: Session, name: str) -> VolumeRow:
    row = session.scalar(select(VolumeRow).where(VolumeRow.name == name))
    if row is None:
        raise NotFound(
            f"there is no volume {name[:64]!r}; PUT /api/v1/volumes/NAME makes one known"
        )
    return row


def _check_file(meta_url: str) -> None:
    """SQLite would make a file that is missing; here it is a mistake."""
    scheme, _, path = meta_url.partition(":///")
    if scheme == "memory" or meta_url.startswith("memory:"):
        raise BadInput("meta_url_secret: a volume in memory ends with its process")
    if scheme == "sqlite" and not ("\0" not in path and Path("/", path).is_file()):
        raise BadInput("meta_url_secret: there is no such file")


def _opened(name: str, plain: bytes) -> Volume:
    how = json.loads(plain)
    options = VolumeOptions(cache=CacheOptions(), passphrase=how["passphrase"].encode())
    try:
        return Volume.open(how["meta_url"], options)
    except MeganeuraError as error:
        if error.retryable:
            raise Unavailable(f"volume {name}: {error}") from error
        raise BadInput(f"volume {name}: {error}") from error
    except OSError as error:
        raise Unavailable(f"volume {name}: {error.strerror or error}") from error
