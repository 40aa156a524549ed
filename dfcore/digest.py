"""Digests: the text form `algorithm:value`, incremental hashers, digests of units and pieces.

Dragonfly's forms (`sha256:<hex>`, `crc32:<decimal>`) plus `git-sha1`, the etag of a regular file on
the Hugging Face Hub. Blobs are named by these; the fetchers and the blob store hash with them.
Unit digests are the 16 bytes of xxh3_128 (canonical, big-endian order).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import xxhash

from dfcore.errors import BadInput

if TYPE_CHECKING:
    from typing_extensions import Buffer

UNIT_DIGEST_BYTES = 16

_HEX_LENGTHS = {"sha256": 64, "sha512": 128, "sha1": 40, "md5": 32, "git-sha1": 40}
ALGORITHMS = (*_HEX_LENGTHS, "crc32")
_CRC32_MAX = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A digest with its algorithm. `value` is lower-case hex, for crc32 a decimal number."""

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _canonical_value(self.algorithm, self.value))

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `algorithm:value`; BadInput if it is not one of ours."""
        algorithm, colon, value = text.partition(":")
        if not colon:
            raise BadInput(f"digest {text[:200]!r} is not of the form algorithm:value")
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def _canonical_value(algorithm: str, value: str) -> str:
    if algorithm == "crc32":
        # The length bound keeps int() from chewing on megabytes of digits.
        if re.fullmatch("[0-9]{1,20}", value) and int(value) <= _CRC32_MAX:
            return str(int(value))
        raise BadInput(f"crc32 digest {value[:200]!r} is not a decimal number below 2^32")
    length = _HEX_LENGTHS.get(algorithm)
    if length is None:
        allowed = ", ".join(ALGORITHMS)
        raise BadInput(f"digest algorithm {algorithm[:40]!r} is unknown; known are {allowed}")
    if len(value) != length or not re.fullmatch("[0-9a-fA-F]+", value):
        raise BadInput(f"{algorithm} digest {value[:200]!r} is not {length} hex digits")
    return value.lower()


class Hasher(Protocol):
    """Bytes in, in order; a Digest out. One thread at a time."""

    def update(self, buffer: Buffer, /) -> None: ...

    def digest(self) -> Digest: ...


class _HexHasher:
    def __init__(self, algorithm: str, prefix: bytes = b"") -> None:
        self._algorithm = algorithm
        # Not for security: these name content; a FIPS build of OpenSSL refuses md5 otherwise.
        name = algorithm.removeprefix("git-")
        self._hash = hashlib.new(name, prefix, usedforsecurity=False)

    def update(self, buffer: Buffer, /) -> None:
        self._hash.update(buffer)

    def digest(self) -> Digest:
        return Digest(self._algorithm, self._hash.hexdigest())


class _Crc32Hasher:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, buffer: Buffer, /) -> None:
        self._crc = zlib.crc32(buffer, self._crc)

    def digest(self) -> Digest:
        return Digest("crc32", str(self._crc))


def new_hasher(algorithm: str, size_bytes: int | None = None) -> Hasher:
    """A hasher for `algorithm`. git-sha1 hashes the size first, so it must be known there."""
    if algorithm == "crc32":
        return _Crc32Hasher()
    if algorithm == "git-sha1":
        if size_bytes is None:
            raise BadInput("a git-sha1 digest needs the size of the content beforehand")
        return _HexHasher(algorithm, b"blob %d\0" % size_bytes)
    if algorithm not in _HEX_LENGTHS:
        raise BadInput(f"digest algorithm {algorithm[:40]!r} is unknown")
    return _HexHasher(algorithm)


def unit_digest(buffer: Buffer) -> bytes:
    """The 16 bytes that vouch for one unit."""
    return xxhash.xxh3_128_digest(buffer)


class UnitHasher:
    """unit_digest() for a unit that arrives in parts."""

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = xxhash.xxh3_128()

    def update(self, buffer: Buffer, /) -> None:
        self._hash.update(buffer)

    def digest(self) -> bytes:
        return self._hash.digest()
