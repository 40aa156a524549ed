from __future__ import annotations

from dfdaemon.hub.answers import EVERYBODY, AnswerCache
from dfdaemon.task.service import HubAnswer
from tests.unit.dfdaemon.hub.fakes import FakeClock

KEY = ("GET", "/api/models/a", b"")


def test_an_answer_is_for_its_scope_and_the_youngest_wins() -> None:
    clock = FakeClock()
    cache = AnswerCache(clock, 1 << 20)
    cache.put(KEY, "me", HubAnswer(200, [], b"mine"))
    assert cache.find(KEY, ("you",)) is None
    clock.now_s += 1
    cache.put(KEY, EVERYBODY, HubAnswer(200, [], b"all"))
    kept = cache.find(KEY, ("me", EVERYBODY))
    assert kept is not None
    assert kept.answer.body == b"all"


def test_age_counts_from_where_the_answer_was_made_and_cookies_are_not_shared() -> None:
    clock = FakeClock()
    cache = AnswerCache(clock, 1 << 20)
    kept = cache.put(KEY, "", HubAnswer(200, [("Age", "7"), ("Set-Cookie", "s=1")], b""))
    clock.now_s += 2
    assert cache.told(kept).headers == [("Age", "9")]


def test_the_oldest_go_when_there_is_no_room() -> None:
    cache = AnswerCache(FakeClock(), 30_000)
    for number in range(5):
        cache.put(("GET", f"/{number}", b""), "", HubAnswer(200, [], b"x" * 10_000))
    found = [cache.find(("GET", f"/{n}", b""), ("",)) is not None for n in range(5)]
    assert found == [False, False, False, True, True]
