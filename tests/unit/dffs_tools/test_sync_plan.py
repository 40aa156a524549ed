"""What a synchronisation does is decided from two listings."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dffs.sync.checkpoint import Frontier
from dffs.sync.filters import Filter, Rule
from dffs.sync.items import Item
from dffs.sync.planner import Rules, Step, plan


def _steps(source: list[Item], destination: list[Item], **rules: object) -> dict[str, str]:
    actions = plan(source, destination, Rules(**rules))  # type: ignore[arg-type]
    return {action.item.key: action.step.value for action in actions}


def test_only_what_is_missing_or_different_is_copied() -> None:
    source = [Item("a", 1), Item("b", 2), Item("c", 3)]
    assert _steps(source, [Item("a", 1), Item("b", 3), Item("d", 1)]) == {
        "a": "skip",
        "b": "copy",
        "c": "copy",
    }


def test_known_digests_decide() -> None:
    source = [Item("a", 1, 5, "sha256:1"), Item("b", 1, 5, "sha256:2")]
    there = [Item("a", 1, 9, "sha256:1"), Item("b", 1, 9, "sha256:3")]
    assert _steps(source, there, update=True) == {"a": "skip", "b": "copy"}


def test_update_copies_what_is_newer_and_leaves_what_is_older() -> None:
    source = [Item("new", 1, 9), Item("old", 2, 1), Item("same", 1, 5)]
    there = [Item("new", 1, 5), Item("old", 1, 5), Item("same", 1, 5)]
    assert _steps(source, there, update=True) == {"new": "copy", "old": "skip", "same": "skip"}


def test_deletions_are_made_on_request_only() -> None:
    there = [Item("a", 1), Item("gone", 1)]
    assert _steps([Item("a", 1)], there, delete_destination=True)["gone"] == (
        "delete from destination"
    )
    assert _steps([Item("a", 1)], there, delete_source=True) == {"a": "delete from source"}


def test_existing_and_ignore_existing() -> None:
    source, there = [Item("a", 1), Item("b", 1)], [Item("a", 2)]
    assert _steps(source, there, existing=True) == {"a": "copy", "b": "skip"}
    assert _steps(source, there, ignore_existing=True) == {"a": "skip", "b": "copy"}
    with pytest.raises(BadInput):
        Rules(existing=True, ignore_existing=True)


def test_directories_and_links_take_part_on_request_only() -> None:
    source = [Item("d/"), Item("d/f", 1), Item("l", link="d/f")]
    assert _steps(source, []) == {"d/f": "copy"}
    assert set(_steps(source, [], directories=True, links=True)) == {"d/", "d/f", "l"}


def test_sizes_ages_and_ends_limit_what_is_copied() -> None:
    source = [Item(name, size, size) for name, size in [("a", 1), ("b", 5), ("c", 9)]]
    assert set(_steps(source, [], min_size_bytes=2, max_size_bytes=8)) == {"b"}
    assert set(_steps(source, [], newer_than_ns=5)) == {"b", "c"}
    assert set(_steps(source, [], start="b", end="c")) == {"b"}
    assert set(_steps(source, [], limit=2)) == {"a", "b"}


def test_a_list_of_keys_restricts_everything() -> None:
    source = [Item("a", 1), Item("d/e/f", 1), Item("d/g", 1), Item("dd", 1)]
    there = [Item("a", 1), Item("d/old", 1), Item("x", 1)]
    only = frozenset({"d/", "dd"})
    assert _steps(source, there, only=only, delete_destination=True) == {
        "d/e/f": "copy",
        "d/g": "copy",
        "d/old": "delete from destination",
        "dd": "copy",
    }


def test_workers_share_the_keys() -> None:
    source = [Item(f"{number:03}", 1) for number in range(100)]
    parts = [set(_steps(source, [], worker=worker, workers=3)) for worker in range(3)]
    assert sum(len(part) for part in parts) == 100
    assert len(set.union(*parts)) == 100
    assert all(len(part) > 10 for part in parts)


def test_a_listing_out_of_order_stops_everything() -> None:
    with pytest.raises(BadInput, match="out of order"):
        _steps([Item("b"), Item("a")], [])


@pytest.mark.parametrize(
    ("rules", "key", "taken"),
    [
        ([(False, "*.tmp")], "a/b.tmp", False),
        ([(False, "*.tmp")], "a/b.txt", True),
        ([(True, "keep.tmp"), (False, "*.tmp")], "a/keep.tmp", True),
        ([(False, "/a")], "b/a", True),
        ([(False, "/a/")], "a/b/c", False),
        ([(False, "cache/")], "x/cache/y", False),
        ([(False, "cache/")], "x/cache", True),
        ([(False, "a/*/c")], "a/b/c", False),
        ([(False, "a/*/c")], "a/b/x/c", True),
        ([(False, "a/**/c")], "a/b/x/c", False),
        ([(True, "*.safetensors"), (True, "*/"), (False, "*")], "m/w.safetensors", True),
        ([(True, "*.safetensors"), (True, "*/"), (False, "*")], "m/w.bin", False),
        ([(False, "[!a-c]x")], "dx", False),
        ([(False, "[!a-c]x")], "bx", True),
    ],
)
def test_patterns_are_those_of_rsync(rules: list[tuple[bool, str]], key: str, taken: bool) -> None:
    assert Filter([Rule(*rule) for rule in rules]).allows(key) is taken


def test_the_frontier_is_the_last_key_before_which_all_has_ended() -> None:
    frontier = Frontier()
    for key in "abc":
        frontier.begin(key)
    frontier.end("b")
    assert frontier.done_through == ""
    frontier.end("a", failed=True)
    assert (frontier.done_through, frontier.failed) == ("b", {"a"})
    frontier.end("c")
    assert frontier.done_through == "c"


def test_comparing_by_content_is_a_step_of_its_own() -> None:
    actions = list(plan([Item("a", 1)], [Item("a", 1)], Rules(check_all=True)))
    assert actions[0].step is Step.COMPARE
