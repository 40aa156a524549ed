"""Short words for the tests of metadata."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dffs.meta.fs import Meta
from dffs.meta.types import ROOT_CALLER, ROOT_INO, Block, Caller, FileKind, MetaError

ROOT = ROOT_CALLER
ALICE = Caller(1001, 1001, frozenset({2000}))
BOB = Caller(1002, 1002)
BLOCK = 65536


@contextmanager
def refused(number: int) -> Iterator[None]:
    """The operation is refused with an errno."""
    with pytest.raises(MetaError) as caught:
        yield
    assert caught.value.errno == number, errno.errorcode[caught.value.errno or 0]


def file(meta: Meta, parent: int, name: bytes, mode: int = 0o644, caller: Caller = ROOT) -> int:
    """A new empty file's number."""
    return meta.mknod(caller, parent, name, FileKind.FILE, mode).ino


def folder(
    meta: Meta, name: bytes, parent: int = ROOT_INO, mode: int = 0o755, caller: Caller = ROOT
) -> int:
    """A new directory's number."""
    return meta.mkdir(caller, parent, name, mode).ino


def names(meta: Meta, ino: int = ROOT_INO) -> list[bytes]:
    """What is in a directory."""
    return [entry.name for entry in meta.readdir(ROOT, ino)]


def block(text: str, length: int = BLOCK) -> Block:
    """A block of some content."""
    return Block.whole(hashlib.sha256(text.encode()).digest(), length)


def write(meta: Meta, ino: int, *texts: str, first: int = 0, tail: int = BLOCK) -> list[Block]:
    """Store blocks from `first` on; the last has `tail` bytes."""
    blocks = [block(text) for text in texts]
    blocks[-1] = block(texts[-1], tail)
    meta.reserve_blocks(blocks)
    size = (first + len(blocks) - 1) * BLOCK + tail
    meta.write_blocks(ino, dict(enumerate(blocks, start=first)), size_bytes=size)
    return blocks


def uses(meta: Meta) -> dict[bytes, int]:
    """How often each known block is used."""
    return {use.digest: use.references for use in meta.block_uses()}


def sound(meta: Meta) -> None:
    """There are no contradictions."""
    assert list(meta.check()) == []
