"""The hash ring: who owns a key, and who comes next."""

from __future__ import annotations

from collections import Counter

from dfcore.hashring import HashRing


def test_the_owner_does_not_depend_on_the_order_of_members() -> None:
    one, other = HashRing(["a", "b", "c"]), HashRing(["c", "a", "b", "a"])
    assert one.members == other.members == ("a", "b", "c")
    assert all(one.get(str(n), 3) == other.get(str(n), 3) for n in range(50))


def test_the_owner_is_the_same_on_every_host() -> None:
    ring = HashRing(["10.0.0.1:8002", "10.0.0.2:8002", "10.0.0.3:8002"])
    assert [ring.get(key)[0][7] for key in ("a", "b", "c", "d", "e", "f")] == list("112312")


def test_stand_ins_are_distinct_and_no_more_than_there_are() -> None:
    ring = HashRing(["a", "b", "c"])
    assert sorted(ring.get("key", 9)) == ["a", "b", "c"]
    assert ring.get("key", 2) == ring.get("key", 3)[:2]
    assert ring.get("key", 0) == []


def test_the_next_member_takes_over_from_a_dead_one() -> None:
    everyone = HashRing(["a", "b", "c", "d"])
    for key in map(str, range(50)):
        owner, stand_in = everyone.get(key, 2)
        alive = HashRing(set(everyone.members) - {owner})
        assert alive.get(key) == [stand_in]


def test_an_empty_ring_knows_nobody() -> None:
    assert HashRing([]).get("key", 2) == []


def test_keys_are_spread() -> None:
    ring = HashRing(["a", "b", "c", "d"])
    owned = Counter(ring.get(str(n))[0] for n in range(4000))
    assert min(owned.values()) > 600
