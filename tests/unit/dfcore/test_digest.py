"""Digests: text forms, and hashers checked against values made by other programs."""

from __future__ import annotations

import pytest

from dfcore.digest import (
    ALGORITHMS,
    UNIT_DIGEST_BYTES,
    Digest,
    UnitHasher,
    new_hasher,
    unit_digest,
)
from dfcore.errors import BadInput

# "test content": Dragonfly's own vectors (digest/mod.rs) for sha256, sha512 and crc32,
# md5sum and sha1sum of coreutils, `git hash-object` for git-sha1.
CONTENT = b"test content"
KNOWN = {
    "sha256": "6ae8a75555209fd6c44157c0aed8016e763ff435a19cf186f76863140143ff72",
    "sha512": "0cbf4caef38047bba9a24e621a961484e5d2a92176a859e7eb27df343dd34eb9"
    "8d538a6c5f4da1ce302ec250b821cc001e46cc97a704988297185a4df7e99602",
    "crc32": "1475635037",
    "sha1": "1eebdf4fdc9fc7bf283031b93f9aef3338de9052",
    "md5": "9473fdd0d880a43c21b7778d34872157",
    "git-sha1": "08cf6101416f0ce0dda3c80e627f333854c4085c",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_hasher_gives_the_known_digest_however_the_bytes_arrive(algorithm: str) -> None:
    hasher = new_hasher(algorithm, len(CONTENT))
    hasher.update(CONTENT[:3])
    hasher.update(bytearray(CONTENT[3:7]))
    hasher.update(memoryview(CONTENT)[7:])
    assert hasher.digest() == Digest(algorithm, KNOWN[algorithm])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_text_form_comes_back_as_it_went(algorithm: str) -> None:
    text = f"{algorithm}:{KNOWN[algorithm]}"
    assert str(Digest.parse(text)) == text


def test_equal_digests_are_equal_however_they_were_written() -> None:
    lower = f"sha256:{KNOWN['sha256']}"
    upper = f"sha256:{KNOWN['sha256'].upper()}"
    assert Digest.parse(upper) == Digest.parse(lower)
    assert Digest.parse("crc32:0000000017") == Digest("crc32", "17")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:abc",
        "sha256:" + "g" * 64,
        "sha256:" + "0" * 64 + "\n",
        "SHA256:" + "0" * 64,
        "blake3:" + "0" * 64,
        "crc32:4294967296",
        "crc32:-1",
        "crc32:1_0",
        "crc32:²",
        "crc32:" + "9" * 100_000,
    ],
)
def test_what_is_no_digest_is_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        Digest.parse(text)
    assert len(str(caught.value)) < 400


def test_git_sha1_needs_the_size_first() -> None:
    with pytest.raises(BadInput, match="size"):
        new_hasher("git-sha1")


def test_an_unknown_algorithm_has_no_hasher() -> None:
    with pytest.raises(BadInput, match="sha3"):
        new_hasher("sha3")


def test_unit_digests_are_xxh3_128() -> None:
    # xxhsum -H2 of no bytes at all
    assert unit_digest(b"").hex() == "99aa06d3014798d86001c324468d497f"
    hasher = UnitHasher()
    hasher.update(memoryview(CONTENT)[:5])
    hasher.update(CONTENT[5:])
    assert hasher.digest() == unit_digest(CONTENT)
    assert len(unit_digest(CONTENT)) == UNIT_DIGEST_BYTES
