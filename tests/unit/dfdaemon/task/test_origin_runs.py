"""When a download may ask the origin, and for what."""

from __future__ import annotations

from random import Random

from dfcore.errors import OriginBroken, OriginRefused, RangeIgnored, Unavailable
from dfcore.pieces import Geometry
from dfdaemon.task import commands as do
from dfdaemon.task.origin_runs import OriginPolicy, OriginSide
from dfdaemon.task.planner import Planner, PlanPolicy

MIB = 1 << 20
GEOMETRY = Geometry(64 * MIB, 4 * MIB, MIB)
ALL = (1 << 64) - 1


def planner() -> Planner:
    made = Planner(GEOMETRY, PlanPolicy(), Random(3))
    made.wanted = ALL
    return made


def granted(**policy: object) -> OriginSide:
    side = OriginSide(OriginPolicy(**policy), Random(3), allowed=True)  # type: ignore[arg-type]
    side.grant()
    side.hold_until(0.0)
    return side


def test_what_the_origin_asks_for_is_waited_out_though_other_runs_go_on() -> None:
    side, units = granted(), planner()
    assert len(side.plan(units, 0.0, 1)) == 4
    side.dropped(1)
    units.land(1)
    assert side.broke(Unavailable("429", retry_after_s=7.0), 10.0)
    side.progressed()
    assert side.plan(units, 16.9, 5) == []
    assert (side.next_due(11.0) or 0.0) > 17.0
    assert side.plan(units, 25.0, 5) == [do.FetchRun(5, 0, 8)]


def test_runs_that_fail_together_count_once() -> None:
    side = granted(attempts=3)
    for _ in range(4):
        assert side.broke(Unavailable("503"), 10.0)
    assert side.broke(Unavailable("503"), 20.0)
    assert not side.broke(Unavailable("503"), 30.0)


def test_whoever_fails_later_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() -> None:
    side = granted()
    side.broke(Unavailable("429", retry_after_s=9.0), 0.0)
    side.broke(OriginBroken("cut"), 0.1)
    assert side.plan(planner(), 9.0, 1) == []
    side.broke(Unavailable("429", retry_after_s=30.0), 1.0)
    assert side.plan(planner(), 30.9, 1) == []


def test_a_wait_that_nobody_would_live_to_see_ends_the_download() -> None:
    side = granted(longest_wait_s=60.0)
    assert not side.broke(Unavailable("429", retry_after_s=3600.0), 0.0)


def test_a_refusal_is_not_retried() -> None:
    assert not granted().broke(OriginRefused(404, {}), 0.0)


def test_an_origin_that_ignores_ranges_time_and_again_is_read_from_the_start() -> None:
    side, units = granted(connections=1), planner()
    for moment in (0.0, 10.0, 20.0):
        assert side.plan(units, moment, 1) == [do.FetchRun(1, 0, 8)]
        side.dropped(1)
        units.land(1)
        assert side.broke(RangeIgnored("200"), moment)
    assert side.plan(units, 30.0, 1) == [do.FetchRun(1, 0, 64)]


def test_a_run_that_brings_the_whole_makes_the_others_needless() -> None:
    side, units = granted(), planner()
    side.plan(units, 0.0, 1)
    units.held = 0b11
    assert side.goes_to_the_end(units, 1) == [2, 3, 4]
    assert units.flights[1].bits == ALL
    assert side.plan(units, 0.1, 5) == []
    assert side.broke(RangeIgnored("200"), 1.0)
    assert side.attempts == 0
