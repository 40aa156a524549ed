"""Names of objects in a volume's bucket. Pure.

    <volume>/meganeura.json          says which volume lives here
    <volume>/blocks/ab/cd/<64 hex>   a block

The hex is the block's digest; in an encrypted volume its HMAC under a key of the volume, so that
the bucket's owner cannot tell by names which known content is in it.
"""

from __future__ import annotations

import hashlib
import hmac

DIGEST_BYTES = 32
HOLE = bytes(DIGEST_BYTES)


def block_digest(data: bytes | bytearray | memoryview) -> bytes:
    """The digest of a block's plain content, which is its name in the metadata."""
    return hashlib.sha256(data).digest()


class Names:
    """The names of one volume."""

    def __init__(self, volume: str, name_key: bytes | None = None) -> None:
        self._volume = volume
        self._key = name_key
        self.marker = f"{volume}/meganeura.json"
        self.blocks = f"{volume}/blocks/"

    def block(self, digest: bytes) -> str:
        """The object of a block."""
        if self._key is not None:
            digest = hmac.digest(self._key, digest, "sha256")
        text = digest.hex()
        return f"{self.blocks}{text[:2]}/{text[2:4]}/{text}"

    def stem(self, digest: bytes) -> str:
        """The last part of block(), by which a listing finds what is nobody's any more."""
        return self.block(digest).rpartition("/")[2]

    def stem_of(self, name: str) -> str | None:
        """The last part of an object's name; None if it is no block of this volume."""
        stem = name.rpartition("/")[2]
        whole = f"{self.blocks}{stem[:2]}/{stem[2:4]}/{stem}"
        return stem if name == whole and len(stem) == 2 * DIGEST_BYTES else None
