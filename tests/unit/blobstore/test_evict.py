from __future__ import annotations

from pathlib import Path

from blobstore import DiskConfig, StoreConfig
from blobstore.catalog import Entry
from blobstore.disks import Disk
from blobstore.evict import Shortfall, may_go, outdated, victims
from blobstore.model import State

CONFIG = StoreConfig((DiskConfig(Path("/x")),), unsealed_idle_s=100, unsealed_max_age_s=500)
DISK = Disk(CONFIG.disks[0])
BLOCK = 4096


def entry(name: str, *, blocks: int = 1, state: State = State.DURABLE, used: float = 0) -> Entry:
    return Entry(DISK, name, 1, blocks * BLOCK, state=state, created=0, last_used=used)


def chosen(
    entries: list[Entry], limit: int = 0, free: int = 0, linked: str = ""
) -> tuple[str, bool]:
    missing = Shortfall(limit * BLOCK, free * BLOCK)
    found, enough = victims(entries, missing, 1000, CONFIG, lambda e: e.blob_id in linked)
    return "".join(e.blob_id for e in found), enough


ABC = [entry("a"), entry("b", blocks=3), entry("c")]


def test_nothing_missing_nobody_goes() -> None:
    assert chosen(ABC) == ("", True)
    assert chosen(ABC, limit=-5, free=-5) == ("", True)


def test_the_first_in_line_go_until_it_is_enough() -> None:
    assert chosen(ABC, limit=1) == ("a", True)
    assert chosen(ABC, free=2) == ("ab", True)
    assert chosen(ABC, limit=1, free=5) == ("abc", True)


def test_it_is_told_when_all_are_not_enough() -> None:
    assert chosen(ABC, limit=6) == ("abc", False)


def test_linked_blobs_go_only_for_the_limit() -> None:
    assert chosen(ABC, free=1, linked="a") == ("b", True)
    assert chosen(ABC, limit=1, linked="a") == ("a", True)
    assert chosen(ABC, limit=1, free=1, linked="a") == ("ab", True)
    assert chosen(ABC, free=9, linked="abc") == ("", False)


def test_pinned_and_growing_blobs_stay() -> None:
    pinned, growing, idle = entry("p"), entry("g"), entry("i")
    pinned.pins = 1
    growing.state = idle.state = State.FILLING
    growing.last_used, idle.last_used = 950, 900
    assert chosen([pinned, growing, idle], limit=3) == ("i", False)
    assert [may_go(e, 1000, CONFIG) for e in (pinned, growing, idle)] == [False, False, True]


def test_age_depends_on_whether_it_was_ever_complete() -> None:
    sealed, part = entry("s"), entry("p", state=State.FILLING)
    month = 30 * 86400.0
    assert outdated([sealed, part], 500, CONFIG) == []
    assert outdated([sealed, part], 501, CONFIG) == [part]
    assert outdated([sealed, part], month + 1, CONFIG) == [sealed, part]
