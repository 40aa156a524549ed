from __future__ import annotations

from pathlib import Path

from blobstore import DiskConfig
from blobstore.catalog import Catalog, Entry
from blobstore.disks import Disk
from blobstore.model import State


def disk(name: str = "d") -> Disk:
    return Disk(DiskConfig(Path("/nowhere") / name))


def entry(on: Disk, name: str, digest: str | None = None, size: int = 10) -> Entry:
    return Entry(on, name, 1, size, state=State.DURABLE, created=1, last_used=1, digest=digest)


def test_entries_are_found_by_id_on_any_disk() -> None:
    one, two = disk("1"), disk("2")
    catalog = Catalog((one, two))
    first, second = entry(one, "a"), entry(two, "b")
    catalog.add(first)
    catalog.add(second)
    assert catalog.find("a") is first
    assert catalog.find("b") is second
    assert catalog.find("c") is None
    assert len(catalog) == 2
    assert catalog.count_on(one) == 1


def test_bytes_are_counted_per_disk_in_blocks() -> None:
    on = disk()
    catalog = Catalog((on,))
    first = entry(on, "a", size=5000)
    catalog.add(first)
    assert on.used_bytes == 8192
    catalog.remove(first)
    catalog.remove(first)
    assert on.used_bytes == 0


def test_a_digest_names_all_blobs_with_that_content() -> None:
    on = disk()
    catalog = Catalog((on,))
    first, second = entry(on, "a", "md5:1"), entry(on, "b")
    catalog.add(first)
    catalog.add(second)
    catalog.name(second, "md5:1")
    catalog.name(second, "md5:1")
    assert catalog.ids_of("md5:1") == ("a", "b")
    catalog.remove(first)
    assert catalog.ids_of("md5:1") == ("b",)
    catalog.unname(second)
    assert catalog.ids_of("md5:1") == ()


def test_use_moves_an_entry_to_the_end() -> None:
    on = disk()
    catalog = Catalog((on,))
    entries = [entry(on, name) for name in "abc"]
    for one in entries:
        catalog.add(one)
    catalog.touch(entries[0], 9)
    assert [one.blob_id for one in catalog.of_disk(on)] == ["b", "c", "a"]
    assert entries[0].last_used == 9


def test_a_failed_disk_takes_its_entries_along() -> None:
    one, two = disk("1"), disk("2")
    catalog = Catalog((one, two))
    catalog.add(entry(one, "a", "md5:1"))
    catalog.add(entry(two, "b", "md5:1"))
    assert [gone.blob_id for gone in catalog.forget_disk(one)] == ["a"]
    assert [left.blob_id for left in catalog] == ["b"]
    assert catalog.ids_of("md5:1") == ("b",)
    assert one.used_bytes == 0


def test_unverified_entries_hold_nothing() -> None:
    doubtful = Entry(disk(), "a", 1, 10, state=State.SEALED, created=1, last_used=1, verified=False)
    assert not doubtful.complete
    assert doubtful.held_bytes == 0
