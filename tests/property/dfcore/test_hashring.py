"""Consistent hashing: a change of one member moves only what that member owns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dfcore.hashring import HashRing

MEMBERS = st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=8)


@given(MEMBERS, st.text(), st.integers(0, 10))
def test_owners_are_distinct_members(members: set[str], key: str, n: int) -> None:
    owners = HashRing(members).get(key, n)
    assert len(owners) == len(set(owners)) == min(n, len(members))
    assert set(owners) <= members


@given(MEMBERS, st.text())
def test_without_one_member_the_others_keep_their_order(members: set[str], key: str) -> None:
    everyone = HashRing(members).get(key, len(members))
    for gone in members:
        rest = HashRing(members - {gone}).get(key, len(members))
        assert rest == [member for member in everyone if member != gone]
