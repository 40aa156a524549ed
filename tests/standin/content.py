"""The bytes of a file: in memory, or on disk so that a GiB costs no memory.

Made by fixtures and by model.Repo; read by body.py, which sends them.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

READ_BYTES = 1 << 20


class Content:
    """Immutable bytes with their size and digests; digests are computed when first asked."""

    def __init__(self, source: bytes | Path, *, sha256: str | None = None) -> None:
        self.path = source if isinstance(source, Path) else None
        self.data = source if isinstance(source, bytes) else b""
        self.size = source.stat().st_size if isinstance(source, Path) else len(source)
        if sha256 is not None:
            self.__dict__["sha256"] = sha256

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the bytes: the LFS object id."""
        return self._digest(hashlib.sha256())

    @cached_property
    def git_sha1(self) -> str:
        """Git's blob id of the bytes: the ETag of a regular file."""
        return self._digest(hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False))

    @cached_property
    def xet_hash(self) -> str:
        """A 64-hex id that is not the SHA-256, as the Hub's Xet hash is not."""
        return hashlib.blake2s(b"xet" + self.sha256.encode()).hexdigest()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes [offset, offset + size), fewer at the end."""
        if self.path is None:
            return self.data[offset : offset + size]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def _digest(self, digest: hashlib._Hash) -> str:
        if self.path is None:
            digest.update(self.data)
            return digest.hexdigest()
        with self.path.open("rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
        return digest.hexdigest()


def lfs_pointer(content: Content) -> bytes:
    """The text that git holds in place of an LFS file."""
    return (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{content.sha256}\nsize {content.size}\n"
    ).encode()
