"""Enciphers what must not be read out of the database: named secrets, and credentials of jobs.

AES-256-GCM with the place of use as associated data, so that a sealed text means nothing elsewhere. The
key is that of a file which all replicas are given (``jobs.keyFile``); without one it is made at random
and kept in the database, which protects what is shown of rows but not a stolen database.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dfcore.errors import ConfigError, MeganeuraError
from manager.db.jobs import VaultKey

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Vault:
    """Seals and opens texts, once it has its key. Thread-safe."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key: AESGCM | None = None
        if key is not None:
            self.unlock(key)

    def unlock(self, key: bytes) -> None:
        """Give it the key."""
        self._key = AESGCM(key)

    @property
    def _cipher(self) -> AESGCM:
        assert self._key is not None, "the vault has no key yet"
        return self._key

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encipher for one place, such as ``secret/hub``."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed for this place. Raises MeganeuraError if the key is another."""
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()
            )
        except InvalidTag:
            raise MeganeuraError(
                "a secret was sealed with another key: give all managers the same jobs.keyFile"
            ) from None


def read_key(path: Path) -> bytes:
    """The key in a file of at least 32 bytes; it is made if it is missing. Raises ConfigError."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"jobs.keyFile: {path}: {error.strerror}") from error
    if len(key) < _KEY_BYTES:
        raise ConfigError(f"jobs.keyFile: {path}: must hold at least {_KEY_BYTES} bytes")
    return key[:_KEY_BYTES]


def key_in(session: Session) -> bytes:
    """The key that the replicas share through the database; the first one makes it."""
    row = session.get(VaultKey, 1)
    if row is None:
        try:
            with session.begin_nested():
                session.add(VaultKey(id=1, key=secrets.token_bytes(_KEY_BYTES)))
        except IntegrityError:  # another replica was first
            session.expire_all()
        row = session.get_one(VaultKey, 1)
    return row.key
