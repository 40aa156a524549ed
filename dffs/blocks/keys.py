"""The random key of an encrypted volume, sealed by what the user knows. Pure but for randomness.

The volume's key never changes; a new passphrase only seals it anew. From it come one key for contents
and one for names (HKDF). Sealing is scrypt and AES-256-GCM.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dfcore.errors import BadInput, Denied

KEY_BYTES = 32
NONCE_BYTES = 12
_LOG2_COST = 15
_BLOCK_FACTOR = 8


@dataclass(frozen=True, slots=True)
class VolumeKeys:
    """What blocks are encrypted and named with."""

    content: bytes = field(repr=False)
    names: bytes = field(repr=False)

    @classmethod
    def derive(cls, volume_key: bytes) -> VolumeKeys:
        """Both keys of a volume."""
        return cls(_expand(volume_key, b"content"), _expand(volume_key, b"names"))


def _expand(key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, b"meganeura dffs " + use).derive(key)


def new_volume_key() -> bytes:
    """A random key for a new volume."""
    return os.urandom(KEY_BYTES)


def seal_key(volume_key: bytes, passphrase: bytes) -> str:
    """The key as it is kept in the format record."""
    if not passphrase:
        raise BadInput("an encrypted volume needs a passphrase, and this one is empty")
    salt, nonce = os.urandom(16), os.urandom(NONCE_BYTES)
    sealed = AESGCM(_stretch(passphrase, salt, _LOG2_COST)).encrypt(nonce, volume_key, None)
    record = {"kdf": "scrypt", "cost": _LOG2_COST, "salt": _text(salt), "nonce": _text(nonce)}
    return json.dumps({**record, "key": _text(sealed)})


def open_key(wrapped: str, passphrase: bytes) -> bytes:
    """The volume's key. Denied if the passphrase is another one."""
    try:
        record = json.loads(wrapped)
        salt, nonce, sealed = (_bytes(record[name]) for name in ("salt", "nonce", "key"))
        cost = int(record["cost"])
    except (ValueError, KeyError, TypeError):
        raise BadInput("the format record's sealed key cannot be read") from None
    try:
        return AESGCM(_stretch(passphrase, salt, cost)).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise Denied("this passphrase does not open the volume") from None


def _stretch(passphrase: bytes, salt: bytes, log2_cost: int) -> bytes:
    if not 10 <= log2_cost <= 20:
        raise BadInput("the format record's sealed key has an impossible cost")
    return Scrypt(salt, KEY_BYTES, 1 << log2_cost, _BLOCK_FACTOR, 1).derive(passphrase)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
