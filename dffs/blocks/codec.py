"""How a block's bytes become an object's, and back. Pure but for nonces.

Without compression and encryption an object is the block itself. Otherwise it begins with a header of
four bytes that says how it was made, so that a volume's compression may change: "MB", the
compression, the encryption. Compressed first, encrypted then; what does not get smaller stays as it is.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import lz4.frame
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dfcore.errors import BadInput, DigestMismatch
from dffs.blocks.keys import NONCE_BYTES, VolumeKeys

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from dffs.format import Format

_MAGIC = b"MB"
_HEADER_BYTES = 4
_PLAIN, _ZSTD, _LZ4 = 0, 1, 2
_CLEAR, _AES256GCM = 0, 1
_BY_NAME = {"none": _PLAIN, "zstd": _ZSTD, "lz4": _LZ4}
_ZSTD_LEVEL = 1
#: A block must shrink to this part of itself, or decompressing it is not worth the saving.
_WORTH_RATIO = 0.95


class Codec:
    """The codec of one volume. Thread-safe."""

    def __init__(
        self, *, compression: str = "none", sealed: bool = False, keys: VolumeKeys | None = None
    ) -> None:
        self._compression = _BY_NAME[compression]
        self._sealed = sealed or keys is not None or self._compression != _PLAIN
        self._cipher = None if keys is None else AESGCM(keys.content)
        # The library's contexts are not for two threads at once.
        self._local = threading.local()

    @classmethod
    def of(cls, record: Format, keys: VolumeKeys | None) -> Codec:
        """The codec that a volume's format asks for."""
        if record.encryption != "none" and keys is None:
            raise BadInput(f"volume {record.name} is encrypted: its passphrase is needed")
        return cls(compression=record.compression, sealed=record.sealed_objects, keys=keys)

    @property
    def is_plain(self) -> bool:
        """An object is the block itself."""
        return not self._sealed

    def encode(self, digest: bytes, data: Buffer) -> Buffer:
        """The object of a block."""
        if not self._sealed:
            return data
        used, body = self._compress(data)
        cipher = _CLEAR if self._cipher is None else _AES256GCM
        header = _MAGIC + bytes((used, cipher))
        if self._cipher is None:
            return header + bytes(body)
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + self._cipher.encrypt(nonce, memoryview(body), header + digest)

    def decode(self, digest: bytes, data: Buffer, limit_bytes: int) -> Buffer:
        """The block of an object, not yet compared with its digest. DigestMismatch if it is none.

        `limit_bytes` is the longest a block can be: a wrong object must not fill the memory.
        """
        if not self._sealed:
            return data
        view = memoryview(data).cast("B")
        header = bytes(view[:_HEADER_BYTES])
        if len(header) < _HEADER_BYTES or header[:2] != _MAGIC:
            raise DigestMismatch("the object has no header of a block")
        body: Buffer = view[_HEADER_BYTES:]
        if header[3] != (_CLEAR if self._cipher is None else _AES256GCM):
            raise DigestMismatch("the object is not encrypted as the volume is")
        if self._cipher is not None:
            body = self._decrypt(self._cipher, header + digest, memoryview(body))
        return self._decompress(header[2], body, limit_bytes)

    @staticmethod
    def _decrypt(cipher: AESGCM, bound_to: bytes, body: memoryview) -> bytes:
        try:
            return cipher.decrypt(bytes(body[:NONCE_BYTES]), body[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise DigestMismatch("the object cannot be decrypted: it was changed") from None

    def _compress(self, data: Buffer) -> tuple[int, Buffer]:
        if self._compression == _PLAIN:
            return _PLAIN, data
        if self._compression == _ZSTD:
            small: bytes = self._zstd()[0].compress(data)
        else:
            small = lz4.frame.compress(data)
        if len(small) > _WORTH_RATIO * memoryview(data).nbytes:
            return _PLAIN, data
        return self._compression, small

    def _decompress(self, used: int, body: Buffer, limit_bytes: int) -> Buffer:
        try:
            if used == _PLAIN:
                return body
            if used == _ZSTD:
                size = zstandard.frame_content_size(bytes(memoryview(body)[:32]))
                if not 0 <= size <= limit_bytes:
                    raise DigestMismatch("the object claims to be longer than a block")
                plain: bytes = self._zstd()[1].decompress(body, max_output_size=limit_bytes)
                return plain
            if used == _LZ4:
                return self._lz4(body, limit_bytes)
        except (zstandard.ZstdError, RuntimeError) as error:
            raise DigestMismatch(f"the object cannot be decompressed: {error}") from None
        raise DigestMismatch(f"the object names an unknown compression ({used})")

    @staticmethod
    def _lz4(body: Buffer, limit_bytes: int) -> bytes:
        plain: bytes = lz4.frame.LZ4FrameDecompressor().decompress(
            bytes(body), max_length=limit_bytes + 1
        )
        if len(plain) > limit_bytes:
            raise DigestMismatch("the object claims to be longer than a block")
        return plain

    def _zstd(self) -> tuple[Any, Any]:
        pair = getattr(self._local, "zstd", None)
        if pair is None:
            pair = (zstandard.ZstdCompressor(_ZSTD_LEVEL), zstandard.ZstdDecompressor())
            self._local.zstd = pair
        return pair
