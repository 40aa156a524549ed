from __future__ import annotations

from dfcore.digest import Digest
from dfdaemon.hub.facts import FileFact
from dfdaemon.hub.knowledge import Knowledge
from dfdaemon.hub.routes import Repo
from tests.unit.dfdaemon.hub.fakes import FakeClock

REPO, COMMIT = Repo("models", "a/b"), "c" * 40


def made(clock: FakeClock, size_bytes: int = 1 << 20) -> Knowledge:
    return Knowledge(clock, name_ttl_s=10, stale_s=100, size_bytes=size_bytes)


def test_a_name_means_a_commit_for_its_time() -> None:
    clock = FakeClock()
    knowledge = made(clock)
    knowledge.name_commit(REPO, "main", COMMIT, age_s=4)
    assert knowledge.name_age_s(REPO, "main") == 4
    clock.now_s += 6
    assert knowledge.commit_of(REPO, "main") is None
    assert knowledge.commit_of(REPO, "main", stale=True) == COMMIT


def test_older_word_does_not_replace_newer() -> None:
    knowledge = made(FakeClock())
    knowledge.name_commit(REPO, "main", COMMIT)
    knowledge.name_commit(REPO, "main", "d" * 40, age_s=3)
    assert knowledge.commit_of(REPO, "main") == COMMIT


def test_facts_are_bounded_by_what_they_take() -> None:
    knowledge = made(FakeClock(), size_bytes=10_000)
    for number in range(100):
        knowledge.learn(REPO, COMMIT, str(number), FileFact(COMMIT, "e" * 40, 1))
    kept = [number for number in range(100) if knowledge.file(REPO, COMMIT, str(number))]
    assert 5 < len(kept) < 20
    assert kept[-1] == 99


def test_a_listing_does_not_replace_what_a_head_said() -> None:
    knowledge = made(FakeClock())
    said = FileFact(COMMIT, "e" * 40, 1, headers=(("X", "1"),))
    knowledge.learn(REPO, COMMIT, "f", said)
    knowledge.learn_all(REPO, COMMIT, [("f", FileFact(COMMIT, "e" * 40, 1))])
    assert knowledge.file(REPO, COMMIT, "f") == said


def test_misses_are_counted_by_different_files() -> None:
    knowledge = made(FakeClock())
    assert [knowledge.count_miss(REPO, COMMIT, path) for path in "aabc"] == [1, 1, 2, 3]


def test_a_place_is_known_whatever_host_and_signature() -> None:
    knowledge = made(FakeClock())
    digest = Digest("sha256", "f" * 64)
    knowledge.learn_location("https://one/x/y?Signature=1", digest, 5)
    assert knowledge.digest_at("/x/y") == (digest, 5)
