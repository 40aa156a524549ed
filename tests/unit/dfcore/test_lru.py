"""The ordered map with sizes and pins."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfcore.lru import Lru


@pytest.fixture
def lru() -> Lru[str, int]:
    made: Lru[str, int] = Lru()
    made.put("a", 1, size=10)
    made.put("b", 2, size=20)
    made.put("c", 3, size=30)
    return made


def test_use_moves_an_entry_to_the_end(lru: Lru[str, int]) -> None:
    assert lru.get("a") == 1
    assert lru.peek("b") == 2
    assert lru.keys() == ("b", "c", "a")
    lru.put("b", 4, size=1)
    assert lru.keys() == ("c", "a", "b")
    assert lru.get("b") == 4


def test_sizes_add_up(lru: Lru[str, int]) -> None:
    assert lru.total_size == 60
    lru.put("a", 1, size=1)
    lru.pop("c")
    assert (lru.total_size, len(lru)) == (21, 2)
    assert "c" not in lru


def test_what_is_not_there_is_none(lru: Lru[str, int]) -> None:
    assert lru.get("x") is None
    assert lru.peek("x") is None
    assert lru.pop("x") is None
    lru.unpin("x")
    with pytest.raises(KeyError):
        lru.pin("x")


def test_the_least_recently_used_go_first(lru: Lru[str, int]) -> None:
    assert lru.victims(0) == []
    assert lru.victims(1) == ["a"]
    assert lru.victims(11) == ["a", "b"]
    assert lru.victims(1000) == ["a", "b", "c"]
    assert len(lru) == 3


def test_a_pinned_entry_is_no_victim_until_the_last_unpin(lru: Lru[str, int]) -> None:
    lru.pin("a")
    lru.pin("a")
    lru.unpin("a")
    lru.put("a", 9, size=10)  # a new value keeps the pins
    assert lru.victims(60) == ["b", "c"]
    lru.unpin("a")
    lru.unpin("a")
    assert lru.victims(60) == ["b", "c", "a"]


def test_a_negative_size_is_refused(lru: Lru[str, int]) -> None:
    with pytest.raises(BadInput):
        lru.put("d", 4, size=-1)
