"""How blocks become objects and back, and what is refused on the way back."""

from __future__ import annotations

import os

import pytest

from dfcore.errors import BadInput, Denied, DigestMismatch
from dffs.blocks.codec import Codec
from dffs.blocks.keys import VolumeKeys, new_volume_key, open_key, seal_key
from dffs.blocks.names import Names, block_digest
from dffs.format import Format

KEYS = VolumeKeys.derive(b"k" * 32)
TEXT = b"a model is a list of numbers " * 1000
NOISE = os.urandom(30_000)


@pytest.mark.parametrize("compression", ["none", "zstd", "lz4"])
@pytest.mark.parametrize("keys", [None, KEYS])
@pytest.mark.parametrize("data", [TEXT, NOISE, b"", b"x"])
def test_a_block_comes_back(compression: str, keys: VolumeKeys | None, data: bytes) -> None:
    codec = Codec(compression=compression, keys=keys)
    digest = block_digest(data)
    body = codec.encode(digest, memoryview(data))
    assert bytes(codec.decode(digest, memoryview(body), 1 << 20)) == data


def test_plain_objects_are_the_blocks_themselves() -> None:
    codec = Codec()
    assert codec.is_plain
    assert codec.encode(b"d" * 32, TEXT) is TEXT


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_what_does_not_shrink_stays_as_it_is(compression: str) -> None:
    codec = Codec(compression=compression)
    assert len(memoryview(codec.encode(b"", NOISE))) == len(NOISE) + 4
    assert len(memoryview(codec.encode(b"", TEXT))) < len(TEXT) // 10


def test_the_compression_of_a_volume_can_change() -> None:
    old, new = Codec(compression="zstd"), Codec(compression="none", sealed=True)
    assert bytes(new.decode(b"", old.encode(b"", TEXT), 1 << 20)) == TEXT
    assert bytes(old.decode(b"", new.encode(b"", TEXT), 1 << 20)) == TEXT


def test_an_encrypted_object_is_bound_to_its_name_and_unchanged() -> None:
    codec = Codec(keys=KEYS)
    digest = block_digest(TEXT)
    body = bytearray(memoryview(codec.encode(digest, TEXT)))
    assert TEXT[:64] not in body
    with pytest.raises(DigestMismatch):
        codec.decode(block_digest(b"another"), bytes(body), 1 << 20)
    body[-1] ^= 1
    with pytest.raises(DigestMismatch):
        codec.decode(digest, bytes(body), 1 << 20)


@pytest.mark.parametrize("body", [b"", b"MB", b"XX\0\0data", b"MB\x09\0data", b"MB\1\0data"])
def test_what_is_no_object_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(DigestMismatch):
        Codec(compression="zstd").decode(b"", body, 1 << 20)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_bomb_does_not_fill_the_memory(compression: str) -> None:
    codec = Codec(compression=compression)
    with pytest.raises(DigestMismatch):
        codec.decode(b"", codec.encode(b"", bytes(1 << 20)), 1 << 16)


def test_clear_objects_are_refused_where_all_is_encrypted() -> None:
    with pytest.raises(DigestMismatch):
        Codec(keys=KEYS).decode(b"", Codec(compression="zstd").encode(b"", TEXT), 1 << 20)


def test_a_passphrase_opens_the_key_and_another_does_not() -> None:
    key = new_volume_key()
    wrapped = seal_key(key, b"open sesame")
    assert open_key(wrapped, b"open sesame") == key
    with pytest.raises(Denied):
        open_key(wrapped, b"open barley")
    with pytest.raises(BadInput):
        seal_key(key, b"")
    with pytest.raises(BadInput):
        open_key("{}", b"x")


def test_names_of_an_encrypted_volume_do_not_tell_the_content() -> None:
    digest = block_digest(TEXT)
    plain, hidden = Names("v"), Names("v", KEYS.names)
    assert plain.block(digest) == f"v/blocks/{digest.hex()[:2]}/{digest.hex()[2:4]}/{digest.hex()}"
    assert digest.hex() not in hidden.block(digest)
    assert hidden.stem_of(hidden.block(digest)) == hidden.stem(digest)
    for name in ("v/meganeura.json", "v/blocks/ab/cd/abc", "w" + plain.block(digest)[1:]):
        assert plain.stem_of(name) is None


def test_a_format_record_shows_no_secret() -> None:
    record = Format("models", access_key="AKIA", secret_key="hidden", wrapped_key="sealed")
    for text in (repr(record), str(record.public())):
        assert "AKIA" not in text
        assert "hidden" not in text
        assert "sealed'" not in text
    assert Format.from_json(record.to_json()) == record


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "X"},
        {"name": "ab"},
        {"block_size_bytes": 100_000},
        {"block_size_bytes": 32 << 20},
        {"compression": "gzip"},
        {"encryption": "rot13"},
    ],
)
def test_an_impossible_format_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Format(**{"name": "models", **changes})  # type: ignore[arg-type]
