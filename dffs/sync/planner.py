"""What has to be done so that one side becomes as the other: two sorted listings, merged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from dfcore.errors import BadInput
from dffs.sync.filters import Filter
from dffs.sync.items import Item


class Step(Enum):
    """What is done with a key."""

    COPY = "copy"
    COMPARE = "compare"  # equal by what the listings tell; the content is read to be sure
    DELETE_DESTINATION = "delete from destination"
    DELETE_SOURCE = "delete from source"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Action:
    """One step. `other` is what the destination has under the key, if anything."""

    step: Step
    item: Item
    other: Item | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Options of `dffs sync` that decide; names and meaning are those of `juicefs sync`."""

    filter: Filter = field(default_factory=Filter)
    only: frozenset[str] | None = None
    """Keys to which everything is restricted; a directory stands for what is below it."""
    start: str = ""
    end: str = ""
    min_size_bytes: int = 0
    max_size_bytes: int | None = None
    newer_than_ns: int | None = None
    older_than_ns: int | None = None
    limit: int | None = None
    update: bool = False
    force_update: bool = False
    existing: bool = False
    ignore_existing: bool = False
    directories: bool = False
    links: bool = False
    check_all: bool = False
    delete_source: bool = False
    delete_destination: bool = False
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if self.existing and self.ignore_existing:
            raise BadInput("--existing and --ignore-existing leave nothing to do")
        if not 0 <= self.worker < self.workers:
            raise BadInput(f"worker {self.worker + 1} of {self.workers} does not exist")


def plan(source: Iterable[Item], destination: Iterable[Item], rules: Rules) -> Iterator[Action]:
    """The actions, in the order of keys. Both listings must be in that order."""
    done = 0
    for item, other in _merged(_ordered(source), _ordered(destination)):
        if rules.limit is not None and done >= rules.limit:
            return
        action = _action(item, other, rules)
        if action is not None:
            done += action.step is not Step.SKIP
            yield action


def _action(item: Item | None, other: Item | None, rules: Rules) -> Action | None:
    there = item or other
    assert there is not None
    if not _takes_part(there, rules):
        return None
    if item is None:
        assert other is not None
        return Action(Step.DELETE_DESTINATION, other) if rules.delete_destination else None
    if _chosen(item, rules):
        return Action(_compare(item, other, rules), item, other)
    return None


def _takes_part(item: Item, rules: Rules) -> bool:
    """Whether the key itself takes part, on either side."""
    if item.key < rules.start or (rules.end and item.key >= rules.end):
        return False
    if item.is_directory and not rules.directories:
        return False
    if item.link and not rules.links:
        return False
    if rules.only is not None and not _named(item.key, rules.only):
        return False
    return rules.filter.allows(item.key) and _mine(item.key, rules)


def _named(key: str, only: frozenset[str]) -> bool:
    if key in only:
        return True
    return any(key[: at + 1] in only for at, char in enumerate(key) if char == "/")


def _mine(key: str, rules: Rules) -> bool:
    if rules.workers == 1:
        return True
    import zlib

    return zlib.crc32(key.encode("utf-8", "surrogateescape")) % rules.workers == rules.worker


def _chosen(item: Item, rules: Rules) -> bool:
    """Whether size and age of a source item are wanted."""
    if item.is_directory or item.link:
        return True
    if item.size_bytes < rules.min_size_bytes:
        return False
    if rules.max_size_bytes is not None and item.size_bytes > rules.max_size_bytes:
        return False
    if rules.newer_than_ns is not None and item.mtime_ns < rules.newer_than_ns:
        return False
    return rules.older_than_ns is None or item.mtime_ns <= rules.older_than_ns


def _compare(item: Item, other: Item | None, rules: Rules) -> Step:
    equal = Step.DELETE_SOURCE if rules.delete_source and not item.is_directory else Step.SKIP
    if other is None:
        return Step.SKIP if rules.existing else Step.COPY
    if rules.ignore_existing:
        return Step.SKIP
    if rules.force_update:
        return Step.COPY
    if item.is_directory:
        return Step.SKIP
    if item.link or other.link:
        return equal if item.link == other.link else Step.COPY
    if rules.update and item.mtime_ns <= other.mtime_ns and item.size_bytes != other.size_bytes:
        return Step.SKIP  # the destination's is newer
    if item.size_bytes != other.size_bytes:
        return Step.COPY
    if item.digest and other.digest:
        return equal if item.digest == other.digest else Step.COPY
    if rules.check_all:
        return Step.COMPARE
    if rules.update and item.mtime_ns > other.mtime_ns:
        return Step.COPY
    return equal


def _merged(
    source: Iterator[Item], destination: Iterator[Item]
) -> Iterator[tuple[Item | None, Item | None]]:
    item, other = next(source, None), next(destination, None)
    while item is not None or other is not None:
        if other is None or (item is not None and item.sort_key < other.sort_key):
            yield item, None
            item = next(source, None)
        elif item is None or other.sort_key < item.sort_key:
            yield None, other
            other = next(destination, None)
        else:
            yield item, other
            item, other = next(source, None), next(destination, None)


def _ordered(items: Iterable[Item]) -> Iterator[Item]:
    """A listing out of order would delete what is there: better to stop."""
    last = b""
    for item in items:
        if item.sort_key < last:
            raise BadInput(f"the listing is out of order at {item.key!r}")
        last = item.sort_key
        yield item
