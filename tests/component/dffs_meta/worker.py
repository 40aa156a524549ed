"""A process that works on a volume together with others: `python -m … URL NUMBER ROUNDS`.

It makes, moves, links and removes names in one directory and adds to one file, as fast as it can, and
prints how much it has added.
"""

from __future__ import annotations

import hashlib
import random
import sys

from dffs.meta.fs import Meta, open_meta
from dffs.meta.types import (
    ROOT_CALLER,
    ROOT_INO,
    Block,
    BlocksMissing,
    ContentMoved,
    FileKind,
    LockKind,
    MetaError,
)

NAMES = [b"%d" % number for number in range(6)]


def main() -> None:
    """Work, then print the number of additions."""
    url, number, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(number)
    meta = open_meta(url)
    shared = meta.lookup(ROOT_CALLER, ROOT_INO, b"shared").ino
    added = 0
    for turn in range(rounds):
        try:
            names(meta, chance)
        except MetaError as error:
            assert error.errno is not None
        added += add(meta, shared, f"{number}-{turn}")
    print(added)
    meta.close()


def names(meta: Meta, chance: random.Random) -> None:
    """One random operation on names that others use as well."""
    one, two = chance.choice(NAMES), chance.choice(NAMES)
    match chance.randrange(6):
        case 0:
            meta.mknod(ROOT_CALLER, ROOT_INO, one, FileKind.FILE, 0o644)
        case 1:
            meta.mkdir(ROOT_CALLER, ROOT_INO, one, 0o755)
        case 2:
            meta.unlink(ROOT_CALLER, ROOT_INO, one)
        case 3:
            meta.rmdir(ROOT_CALLER, ROOT_INO, one)
        case 4:
            into = meta.lookup(ROOT_CALLER, ROOT_INO, two)
            meta.rename(ROOT_CALLER, ROOT_INO, one, into.ino, two)
        case 5:
            ino = meta.lookup(ROOT_CALLER, ROOT_INO, one).ino
            meta.link(ROOT_CALLER, ino, ROOT_INO, two)


def add(meta: Meta, ino: int, text: str) -> int:
    """Append a block under a lock, as two writers of one file would; gives 1 when it was."""
    if not meta.flock(ino, 1, LockKind.WRITE):
        return 0
    try:
        block = Block.whole(hashlib.sha256(text.encode()).digest(), 65536)
        attr = meta.getattr(ino)
        index = attr.size_bytes // 65536
        meta.reserve_blocks([block])
        meta.write_blocks(
            ino, {index: block}, size_bytes=attr.size_bytes + 65536, expect_version=attr.version
        )
    except (ContentMoved, BlocksMissing) as error:
        raise AssertionError("the lock did not hold") from error
    finally:
        meta.flock(ino, 1, LockKind.UNLOCK)
    return 1


if __name__ == "__main__":
    main()
