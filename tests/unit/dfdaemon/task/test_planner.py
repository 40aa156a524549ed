"""Which unit from which parent: the planner alone."""

from __future__ import annotations

from random import Random

import pytest

from dfcore.bitmap import lowest
from dfcore.pieces import Geometry
from dfdaemon.task.commands import FetchAny, FetchPiece, FetchUnit
from dfdaemon.task.events import ParentAddress
from dfdaemon.task.planner import Planner, PlanPolicy
from dfdaemon.task.rarity import Rarity, pick

MIB = 1 << 20


def planner(units: int = 8, **policy: int) -> Planner:
    made = Planner(Geometry(units * MIB, 4 * MIB, MIB), PlanPolicy(**policy), Random(1))
    made.wanted = (1 << units) - 1
    return made


def parent(name: str, *, seed: bool = False, ours: bool = True) -> ParentAddress:
    return ParentAddress(name, f"host-{name}", "127.0.0.1", 4005, seed=seed, ours=ours)


def join(made: Planner, name: str, held: int, *, seed: bool = False, ours: bool = True) -> None:
    made.add_parent(parent(name, seed=seed, ours=ours))
    made.parent_joined(name, held, complete=False)


def test_a_lone_child_asks_the_seed_for_any_on_several_connections() -> None:
    made = planner()
    join(made, "seed", 0, seed=True)
    commands = made.plan(0.0, 1, None)
    assert commands == [FetchAny(n, "seed", 0xFF) for n in (1, 2, 3, 4)]


def test_with_many_peers_one_request_is_open_at_the_seed() -> None:
    made = planner()
    join(made, "seed", 0, seed=True)
    for n in range(6):
        join(made, f"p{n}", 0)
    assert made.plan(0.0, 1, None) == [FetchAny(1, "seed", 0xFF)]
    assert made.plan(0.0, 2, None) == []


def test_peers_are_asked_for_different_units_one_each() -> None:
    made = planner()
    join(made, "a", 0b11)
    join(made, "b", 0b11)
    commands = made.plan(0.0, 1, None)
    assert {c.parent for c in commands if isinstance(c, FetchUnit)} == {"a", "b"}
    assert {c.unit for c in commands if isinstance(c, FetchUnit)} == {0, 1}


def test_a_transfer_that_ebbs_makes_room_for_the_next_from_the_same_parent() -> None:
    made = planner(downloads=1)
    join(made, "a", 0b11)
    (first,) = made.plan(0.0, 1, None)
    assert made.plan(0.0, 2, None) == []
    made.ebb(1)
    made.ebb(1)
    (second,) = made.plan(0.0, 2, None)
    assert isinstance(first, FetchUnit) and isinstance(second, FetchUnit)
    assert {first.unit, second.unit} == {0, 1}
    made.land(1)
    assert made.parents["a"].flying == 1


def test_a_seed_is_asked_again_while_the_last_bytes_come() -> None:
    made = planner()
    join(made, "seed", 0, seed=True)
    for n in range(6):
        join(made, f"p{n}", 0)
    made.plan(0.0, 1, None)
    assert made.claim(1, 0)
    made.ebb(1)
    assert made.plan(0.0, 2, None) == [FetchAny(2, "seed", 0xFE)]


def test_the_rarest_unit_goes_first() -> None:
    made = planner(downloads=1)
    join(made, "a", 0b1111)
    join(made, "b", 0b0111)
    join(made, "c", 0b0111)
    made.parents["b"].not_before = made.parents["c"].not_before = 10.0
    (command,) = made.plan(0.0, 1, None)
    assert isinstance(command, FetchUnit)
    assert command.unit == 3


def test_a_waiting_reader_gets_its_next_unit_first() -> None:
    made = planner(downloads=1)
    join(made, "a", 0xFF)
    (command,) = made.plan(0.0, 1, 5)
    assert isinstance(command, FetchUnit)
    assert command.unit == 5


def test_no_more_downloads_than_the_policy_allows() -> None:
    made = planner(downloads=2)
    for name in "abcd":
        join(made, name, 0xFF)
    assert len(made.plan(0.0, 1, None)) == 2


def test_a_peer_is_not_believed_before_a_seed_vouched_for_the_unit() -> None:
    made = planner()
    join(made, "seed", 0, seed=True)
    join(made, "liar", 0xFF)
    assert all(isinstance(c, FetchAny) for c in made.plan(0.0, 1, None))
    made.vouched = 0b100
    assert [c.unit for c in made.plan(0.0, 9, None) if isinstance(c, FetchUnit)] == [2]


def test_a_busy_parent_is_left_alone_for_a_while() -> None:
    made = planner()
    join(made, "a", 0xFF)
    made.plan(0.0, 1, None)
    made.land(1)
    made.back_off("a", 0.0, 0.05)
    assert made.plan(0.02, 2, None) == []
    assert len(made.plan(0.08, 2, None)) == 1


def test_an_any_of_answer_is_claimed_once() -> None:
    made = planner()
    join(made, "seed", 0, seed=True)
    made.plan(0.0, 1, None)
    assert made.claim(1, 4)
    assert not made.claim(2, 4)
    assert made.needed == 0xFF & ~(1 << 4)
    made.land(1)
    assert made.needed == 0xFF


def test_a_plain_parent_is_asked_for_whole_pieces() -> None:
    made = planner()
    join(made, "rust", 0xF0, ours=False)
    assert made.plan(0.0, 1, None) == [FetchPiece(1, "rust", 1)]
    assert made.needed == 0x0F


def test_dropping_a_parent_names_its_transfers() -> None:
    made = planner()
    join(made, "a", 0xFF)
    made.plan(0.0, 7, None)
    assert made.drop_parent("a") == [7]
    assert made.elsewhere == 0


def test_rarity_counts_holders_up_and_down() -> None:
    rarity = Rarity()
    rarity.add(0b1111)
    rarity.add(0b0011)
    assert rarity.rarest(0b1111) == 0b1100
    rarity.remove(0b1100)
    assert rarity.rarest(0b1111) == 0b0011
    assert rarity.rarest(0b1100) == 0


@pytest.mark.parametrize("bits", [1, 0b1000, 0b1010_0110])
def test_picked_bits_are_set(bits: int) -> None:
    assert all(bits >> pick(bits, Random(n)) & 1 for n in range(20))
    assert bits >> lowest(bits) & 1


def test_a_busy_parent_is_asked_again_when_a_slot_may_be_free() -> None:
    made = planner(downloads=1)
    join(made, "a", 0xFF)
    made.plan(0.0, 1, None)
    made.delivered(1, 0.6)
    made.plan(1.0, 2, None)
    made.land(2)
    made.was_busy("a", 1.0)
    assert 0.1 <= made.parents["a"].not_before - 1.0 <= 0.3


@pytest.mark.parametrize(("took_s", "least_s", "most_s"), [(0.0001, 0.001, 0.003), (60, 0.5, 1.5)])
def test_a_busy_parent_is_neither_pestered_nor_forgotten(
    took_s: float, least_s: float, most_s: float
) -> None:
    made = planner(downloads=1)
    join(made, "a", 0xFF)
    made.plan(0.0, 1, None)
    made.delivered(1, took_s)
    made.was_busy("a", 0.0)
    assert least_s <= made.parents["a"].not_before <= most_s


def test_what_usually_takes_how_long_follows_the_last_units_from_peers() -> None:
    made = planner(units=64, downloads=1)
    join(made, "a", made.wanted)
    for number in range(1, 33):
        made.plan(0.0, number, None)
        made.delivered(number, 1.0 if number <= 8 else 0.2)
    assert 0.2 < made.usual_s < 0.3


def ask_one(made: Planner, now: float, number: int, waited_unit: int | None = None) -> FetchUnit:
    (command,) = made.plan(now, number, waited_unit)
    assert isinstance(command, FetchUnit)
    return command


def test_a_parent_that_gives_is_asked_for_more_before_others() -> None:
    for number in range(20):
        made = planner(downloads=1)
        made.rng = Random(number)
        for name in "abcd":
            join(made, name, 0xFF)
        first = ask_one(made, 0.0, 1)
        made.ebb(1)
        second = ask_one(made, 0.0, 2)
        assert second.parent == first.parent
        assert second.unit != first.unit


def test_a_parent_that_gave_and_has_nothing_more_is_not_waited_for() -> None:
    made = planner(downloads=1)
    join(made, "a", 0b1)
    first = ask_one(made, 0.0, 1)
    made.unit_held(first.unit)
    made.delivered(1, 0.1)
    join(made, "b", 0b10)
    assert ask_one(made, 0.1, 2).parent == "b"


def test_what_a_reader_waits_for_is_asked_of_whoever_has_it() -> None:
    made = planner(downloads=1, window_units=1)
    join(made, "a", 0xF1)
    assert ask_one(made, 0.0, 1, waited_unit=0).parent == "a"
    made.unit_held(0)
    made.delivered(1, 0.1)
    join(made, "b", 0b10)
    assert ask_one(made, 0.1, 2, waited_unit=1) == FetchUnit(2, "b", 1)
    made.ebb(2)
    # What is waited for then, nobody has: so whoever gives is asked for what it has.
    assert ask_one(made, 0.1, 3, waited_unit=2).parent == "a"


def test_a_parent_without_a_slot_is_not_asked_before_others_any_more() -> None:
    asked = set()
    for number in range(20):
        made = planner(downloads=1)
        made.rng = Random(number)
        for name in "ab":
            join(made, name, 0xFF)
        first = ask_one(made, 0.0, 1)
        made.delivered(1, 0.1)
        assert ask_one(made, 0.1, 2).parent == first.parent
        made.land(2)
        made.was_busy(first.parent, 0.1)
        asked.add(ask_one(made, 9.0, 3).parent)
    assert asked == {"a", "b"}


def test_who_holds_units_is_known_by_host_until_it_leaves() -> None:
    made = planner()
    join(made, "a", 0b11)
    assert made.holds("host-a", [0, 1])
    assert not made.holds("host-a", [1, 2])
    assert not made.holds("host-b", [0])
    made.parent_forgot("a")
    assert not made.holds("host-a", [0])
    made.parent_holds("a", 0b1)
    made.drop_parent("a")
    assert not made.holds("host-a", [0])
