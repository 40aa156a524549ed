"""Who is served, refused or kept waiting: the parent's and the seed's rules as scripts."""

from __future__ import annotations

from dfdaemon.upload.slots import Budget, Grant, ParentSlots, Refusal, SeedTask, Waiting

ALL = 0b1111


def seed(*, slots: int = 2, held: int = ALL, fetching: bool = False, budget: int = 99) -> SeedTask:
    return SeedTask(slots, Budget(budget), held, fetching)


def test_full_parent_refuses_until_a_slot_is_free() -> None:
    slots = ParentSlots(2, Budget(99))
    assert slots.try_take("t", "a")
    assert slots.try_take("t", "b")
    assert not slots.try_take("t", "c")
    slots.release("t", "a")
    assert slots.try_take("t", "c")


def test_child_takes_its_next_unit_on_the_slot_it_has() -> None:
    slots = ParentSlots(1, Budget(99))
    assert slots.try_take("t", "a")
    assert slots.try_take("t", "a")
    assert not slots.try_take("t", "a")
    assert slots.try_take("other", "a")
    slots.release("t", "a")
    assert not slots.try_take("t", "b")
    slots.release("t", "a")
    assert slots.try_take("t", "b")


def test_budget_is_for_all_tasks() -> None:
    budget = Budget(2)
    slots = ParentSlots(2, budget)
    assert slots.try_take("t", "a")
    assert slots.try_take("u", "a")
    assert not slots.try_take("v", "a")
    slots.release("t", "a")
    assert budget.free


def test_seed_gives_out_what_was_served_least_lowest_first() -> None:
    task = seed(slots=3)
    for number, child in enumerate("abc"):
        task.ask(Waiting(number, child, ALL))
    assert task.decide() == [Grant(0, "a", 0), Grant(1, "b", 1), Grant(2, "c", 2)]
    task.ended(1, delivered=True)
    task.ask(Waiting(3, "b", ALL & ~0b10))
    assert task.decide() == [Grant(3, "b", 3)]


def test_second_copies_go_out_when_every_unit_is_out() -> None:
    task = seed(slots=9, held=0b11)
    for number, child in enumerate("aabb"):
        task.ask(Waiting(number, child, 0b11))
    grants = task.decide()
    assert [(grant.child, grant.unit) for grant in grants if isinstance(grant, Grant)] == [
        ("a", 0),
        ("b", 1),
        ("a", 1),
        ("b", 0),
    ]


def test_no_second_copies_while_the_origin_is_fetched() -> None:
    task = seed(held=0b1, fetching=True)
    task.ask(Waiting(0, "a", ALL))
    task.ask(Waiting(1, "b", ALL))
    assert task.decide() == [Grant(0, "a", 0)]
    task.ended(0, delivered=True)
    assert task.decide() == []
    task.held = 0b101
    assert task.decide() == [Grant(1, "b", 2)]


def test_held_back_copy_goes_out_when_the_origin_is_done() -> None:
    task = seed(held=0b1, fetching=True)
    task.ask(Waiting(0, "a", 0b1))
    task.ask(Waiting(1, "b", 0b1))
    assert task.decide() == [Grant(0, "a", 0)]
    task.fetching = False
    assert task.decide() == [Grant(1, "b", 0)]


def test_transfer_that_failed_does_not_count_as_a_copy() -> None:
    task = seed(held=0b1, fetching=True)
    task.ask(Waiting(0, "a", 0b1))
    task.decide()
    task.ended(0, delivered=False)
    task.ask(Waiting(1, "b", 0b1))
    assert task.decide() == [Grant(1, "b", 0)]


def test_copies_of_a_child_that_left_do_not_count() -> None:
    task = seed(held=0b1, fetching=True)
    task.ask(Waiting(0, "a", 0b1))
    task.decide()
    task.ended(0, delivered=True)
    task.child_left("a")
    assert task.copies == {}
    task.ask(Waiting(1, "b", 0b1))
    assert task.decide() == [Grant(1, "b", 0)]


def test_child_that_leaves_in_the_middle_is_not_counted_below_zero() -> None:
    task = seed()
    task.ask(Waiting(0, "a", ALL))
    task.decide()
    task.child_left("a")
    task.ended(0, delivered=False)
    assert task.copies == {}


def test_nothing_to_give_and_nothing_to_come() -> None:
    task = seed(held=0b1)
    task.ask(Waiting(0, "a", 0b10))
    assert task.decide() == [Refusal(0)]
    task.ask(Waiting(1, "a", 0))
    task.fetching = True
    assert task.decide() == [Refusal(1)]


def test_waits_while_something_may_come() -> None:
    task = seed(held=0, fetching=True)
    task.ask(Waiting(0, "a", 0b10))
    assert task.decide() == []
    task.fetching = False
    assert task.decide() == [Refusal(0)]
    assert task.idle


def test_request_behind_a_held_back_one_is_served() -> None:
    task = seed(slots=9, held=0b11, fetching=True)
    task.ask(Waiting(0, "a", 0b1))
    assert task.decide() == [Grant(0, "a", 0)]
    task.ask(Waiting(1, "b", 0b1))
    task.ask(Waiting(2, "c", 0b11))
    assert task.decide() == [Grant(2, "c", 1)]


def test_eager_child_does_not_starve_others() -> None:
    task = seed(slots=1)
    for number in range(3):
        task.ask(Waiting(number, "eager", ALL))
    task.decide()
    task.ask(Waiting(3, "modest", ALL))
    # The slot is taken by "eager"; when it is free, the queue's order counts again.
    task.ended(0, delivered=True)
    assert task.decide() == [Grant(1, "eager", 1)]
    task = seed(slots=2)
    for number in range(3):
        task.ask(Waiting(number, "eager", ALL))
    task.ask(Waiting(3, "modest", ALL))
    assert task.decide() == [Grant(0, "eager", 0), Grant(3, "modest", 1)]


def test_child_is_never_sent_a_unit_twice_at_once() -> None:
    task = seed(slots=9, held=0b1)
    task.ask(Waiting(0, "a", 0b1))
    task.ask(Waiting(1, "a", 0b1))
    assert task.decide() == [Grant(0, "a", 0), Refusal(1)]


def test_child_that_has_not_heard_of_its_last_unit_gets_another() -> None:
    task = seed()
    task.ask(Waiting(0, "a", ALL))
    task.decide()
    task.ended(0, delivered=True)
    for unit in range(1, 4):
        task.ask(Waiting(unit, "b", 1 << unit))
        task.decide()
        task.ended(unit, delivered=True)
    # All are out once, and "a" asks before it knows that 0 is on its way.
    task.ask(Waiting(4, "a", ALL))
    assert task.decide() == [Grant(4, "a", 1)]
    task.ended(4, delivered=True)
    # It does ask again for what it has lost, though.
    task.ask(Waiting(5, "a", 0b1))
    assert task.decide() == [Grant(5, "a", 0)]


def test_withdrawn_request_is_not_served() -> None:
    task = seed(held=0, fetching=True)
    task.ask(Waiting(0, "a", ALL))
    task.withdraw(0)
    task.held = ALL
    assert task.decide() == []
    assert task.idle


def test_budget_of_the_host_holds_a_seed_back() -> None:
    task = seed(slots=9, budget=1)
    task.ask(Waiting(0, "a", ALL))
    task.ask(Waiting(1, "b", ALL))
    assert task.decide() == [Grant(0, "a", 0)]
    task.ended(0, delivered=True)
    assert task.decide() == [Grant(1, "b", 1)]


class Counted(int):
    """Wanted units that count how often they are looked at."""

    looks = 0

    def __and__(self, other: int) -> int:
        Counted.looks += 1
        return int(self) & other


def test_a_crowd_that_waits_is_not_looked_through_at_every_piece_of_news() -> None:
    task = seed(slots=2, held=0b1, fetching=True)
    for number in range(1000):
        task.ask(Waiting(number, f"child-{number}", Counted(ALL)))
    task.decide()
    looked = Counted.looks
    for _ in range(100):
        assert task.decide() == []  # Nothing new has come.
    task.held |= 0b110
    assert len(task.decide()) == 1  # The other place is taken.
    for _ in range(100):
        assert task.decide() == []
    assert Counted.looks - looked < 20
