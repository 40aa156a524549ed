from __future__ import annotations

from dfdaemon.hub.authorize import Authorizer, credential_of, may_be_read
from dfdaemon.hub.routes import Repo
from dfdaemon.task.service import HubAnswer
from tests.unit.dfdaemon.hub.fakes import FakeClock

REPO = Repo("models", "org/name")
NO = HubAnswer(403, [("X-Error-Code", "GatedRepo")], b"no")


def made(clock: FakeClock) -> Authorizer:
    return Authorizer(clock, allow_ttl_s=60, refuse_ttl_s=5, stale_s=600)


def test_a_yes_is_kept_a_minute_and_a_no_five_seconds() -> None:
    clock = FakeClock()
    authorizer = made(clock)
    authorizer.note("me", REPO, "main")
    authorizer.note("you", REPO, "main", NO)
    assert authorizer.may_read("me", REPO, "main") is True
    assert authorizer.may_read("you", REPO, "main") == NO
    assert authorizer.may_read("me", REPO, "other") is None
    clock.now_s += 5
    assert authorizer.may_read("you", REPO, "main") is None
    clock.now_s += 55
    assert authorizer.may_read("me", REPO, "main") is None


def test_a_decision_is_as_old_as_where_it_came_from_says() -> None:
    clock = FakeClock()
    authorizer = made(clock)
    authorizer.note("me", REPO, "main", age_s=59)
    assert authorizer.age_s("me", REPO, "main") == 59
    clock.now_s += 1
    assert authorizer.may_read("me", REPO, "main") is None


def test_what_is_public_may_be_read_by_all_and_is_asked_again_as_often() -> None:
    clock = FakeClock()
    authorizer = made(clock)
    authorizer.note_publicness(REPO, True)
    assert authorizer.may_read("anybody", REPO, "any") is True
    clock.now_s += 60
    assert authorizer.may_read("anybody", REPO, "any") is None
    assert authorizer.was_public(REPO)
    authorizer.note_publicness(REPO, False)
    assert not authorizer.was_public(REPO)


def test_an_answer_tells_the_right_only_if_it_is_about_it() -> None:
    def answer(status: int, code: str | None = None) -> HubAnswer:
        return HubAnswer(status, [("X-Error-Code", code)] if code else [], b"")

    assert may_be_read(answer(404, "EntryNotFound")) is True
    assert may_be_read(answer(404, "RevisionNotFound")) is True
    assert may_be_read(answer(404, "RepoNotFound")) is False
    assert may_be_read(answer(401)) is False
    assert may_be_read(answer(403, "GatedRepo")) is False
    assert may_be_read(answer(404)) is None
    assert may_be_read(answer(429)) is None
    assert may_be_read(answer(503)) is None
    assert may_be_read(answer(307)) is None


def test_a_credential_is_told_apart_but_not_told() -> None:
    one, two = {"Authorization": "Bearer hf_one"}, {"authorization": "Bearer hf_two"}
    assert credential_of({"Accept": "x"}) == ""
    assert credential_of(one) != credential_of(two)
    assert credential_of(one) == credential_of({"AUTHORIZATION": "Bearer hf_one", "X": "y"})
    assert "hf_one" not in credential_of(one)
