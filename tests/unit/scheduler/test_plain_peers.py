"""What plain Dragonfly peers are answered."""

from __future__ import annotations

from dataclasses import replace

from scheduler import commands as do
from scheduler import events as ev
from scheduler.policy import PlainPolicy, UploadPolicy
from tests.unit.scheduler.playbook import SETTLED, TASK, Playbook, granted, offered


def plain(book: Playbook, host: str, **about: object) -> str:
    return book.host(host, own=False, **about)


def running_seed(book: Playbook) -> None:
    book.seed()
    book.register("seed", need_back_to_source=True)
    book.begin_at_origin("seed")


def test_first_plain_peer_has_the_seed_fetch_and_is_woken_when_it_starts() -> None:
    book = Playbook()
    book.seed()
    plain(book, "a")
    assert book.register("a") == [do.TriggerSeed(TASK, "seed", "a/p")]
    assert granted(book.register("seed", need_back_to_source=True)) == ["seed/p"]
    assert offered(book.begin_at_origin("seed"), "a") == ["seed"]


def test_all_that_wait_are_woken_by_one_trigger() -> None:
    book = Playbook()
    book.seed()
    for name in "abc":
        plain(book, name)
    assert len(book.register("a")) == 1
    assert book.register("b") == book.register("c") == []
    book.register("seed", need_back_to_source=True)
    commands = book.begin_at_origin("seed")
    assert [offered(commands, name) for name in "abc"] == [["seed"]] * 3


def test_a_seed_that_answers_without_registering_is_a_parent() -> None:
    book = Playbook()
    book.seed()
    plain(book, "a")
    book.register("a")
    commands = book.send(ev.SeedTriggered(TASK, "seed", "seed/x"))
    assert offered(commands, "a") == ["seed"]


def test_the_next_seed_is_asked_when_one_does_not_take_the_task() -> None:
    book = Playbook()
    book.seed("s1")
    book.seed("s2")
    plain(book, "a")
    (first,) = book.register("a")
    assert isinstance(first, do.TriggerSeed)
    (second,) = book.send(ev.SeedTriggerFailed(TASK, first.host_id))
    assert isinstance(second, do.TriggerSeed)
    assert {first.host_id, second.host_id} == {"s1", "s2"}
    assert granted(book.send(ev.SeedTriggerFailed(TASK, second.host_id))) == ["a/p"]


def test_a_seed_that_does_not_start_in_time_is_given_up() -> None:
    book = Playbook()
    book.seed()
    plain(book, "a")
    book.register("a")
    assert granted(book.wait(10.1)) == ["a/p"]


def test_credentials_go_to_no_seed() -> None:
    book = Playbook()
    book.seed()
    plain(book, "a")
    plain(book, "b")
    assert granted(book.register("a", credentialed=True)) == ["a/p"]
    assert book.register("b", credentialed=True) == []
    assert offered(book.begin_at_origin("a"), "b") == ["a"]


def test_one_plain_peer_is_at_the_origin_at_a_time() -> None:
    book = Playbook()
    for name in "abc":
        plain(book, name)
    assert granted(book.register("a")) == ["a/p"]
    assert book.register("b") == book.register("c") == []
    commands = book.send(ev.PeerFailed("a/p", back_to_source=True))
    assert granted(commands) == ["b/p"]


def test_no_more_than_four_parents() -> None:
    book = Playbook()
    running_seed(book)
    for number in range(12):
        name = plain(book, f"h{number}")
        book.register(name)
        book.finish(name)
    plain(book, "a")
    assert len(offered(book.register("a"), "a")) == 4


def test_peers_that_hold_nothing_yet_are_no_parents() -> None:
    book = Playbook()
    running_seed(book)
    for name in ("idle", "busy", "a"):
        plain(book, name)
    book.register("idle")
    book.register("busy")
    book.progress("busy")
    assert set(offered(book.register("a"), "a")) == {"seed", "busy"}


def test_a_circle_without_a_root_is_not_offered() -> None:
    book = Playbook()
    running_seed(book)
    for name in "ab":
        plain(book, name)
    book.register("a")
    book.progress("a")
    book.send(ev.HostLeft("seed"))
    assert granted(book.register("b")) == ["b/p"]


def test_upload_limit_is_enforced() -> None:
    book = Playbook(replace(SETTLED, upload=UploadPolicy(peer_limit=2)))
    plain(book, "full")
    book.register("full")
    book.begin_at_origin("full")
    for name in "ab":
        plain(book, name)
        assert offered(book.register(name), name) == ["full"]
    plain(book, "c")
    assert book.register("c") == []
    assert set(offered(book.finish("a"), "c")) == {"a", "full"}


def test_near_and_idle_hosts_come_first() -> None:
    book = Playbook(replace(SETTLED, plain=PlainPolicy(candidate_parent_limit=2)))
    about: dict[str, dict[str, object]] = {
        "far": {},
        "busy": {"idc": "x", "max_tx_bps": 10**9, "tx_bps": 10**9},
        "near": {"idc": "X", "location": "eu|de|1", "max_tx_bps": 10**9, "tx_bps": 0},
        "near-too": {"idc": "x", "location": "eu|fr|2", "max_tx_bps": 10**9, "tx_bps": 0},
    }
    for name, facts in about.items():
        plain(book, name, **facts)
        held = ev.HeldBlob(TASK, f"{name}/p", 1000, complete=True)
        book.send(ev.BlobsAnnounced(name, (held,)))
    plain(book, "a", idc="x", location="eu|de|9")
    assert offered(book.register("a"), "a") == ["near", "near-too"]


def test_measured_uploads_make_a_host_less_attractive() -> None:
    book = Playbook(replace(SETTLED, plain=PlainPolicy(candidate_parent_limit=1)))
    for name in ("h1", "h2"):
        plain(book, name, max_tx_bps=1000)
        held = ev.HeldBlob(TASK, f"{name}/p", 1000, complete=True)
        book.send(ev.BlobsAnnounced(name, (held,)))
    plain(book, "a", disable_shared=True)
    (first,) = offered(book.register("a"), "a")
    book.progress("a", 10_000, parent=f"{first}/p")
    book.finish("a")
    plain(book, "b")
    (second,) = offered(book.register("b"), "b")
    assert {first, second} == {"h1", "h2"}


def test_reschedule_avoids_the_bad_ones() -> None:
    book = Playbook()
    running_seed(book)
    for name in "xyab":
        plain(book, name)
    for name in "xy":
        book.register(name)
        book.finish(name)
    assert set(offered(book.register("a"), "a")) == {"seed", "x", "y"}
    commands = book.send(ev.PeerRescheduled("a/p", (ev.BadParent("x/p"), ev.BadParent("y/p"))))
    assert offered(commands, "a") == ["seed"]


def test_plain_peer_with_a_range_holds_no_blob() -> None:
    book = Playbook()
    running_seed(book)
    for name in "ab":
        plain(book, name)
    book.register("a", ranged=True)
    book.finish("a")
    assert len(book.core.pool.tasks[TASK].holders) == 0


def test_own_peer_may_take_from_plain_holders() -> None:
    book = Playbook()
    plain(book, "a")
    book.register("a")
    book.finish("a", back_to_source=True)
    assert offered(book.join("b"), "b") == ["a"]


def test_going_to_the_origin_unasked_is_noted() -> None:
    book = Playbook()
    running_seed(book)
    plain(book, "a")
    book.register("a")
    book.begin_at_origin("a")
    unasked = [note for note in book.notes_of(do.NoteOrigin) if not getattr(note, "granted", True)]
    assert [getattr(note, "host_id", "") for note in unasked] == ["a"]


def test_nothing_left_to_offer_is_an_error_after_the_wait() -> None:
    book = Playbook()
    plain(book, "a")
    plain(book, "b")
    book.register("a")
    book.register("b", disable_back_to_source=True)
    refusals = [one for one in book.wait(31) if isinstance(one, do.Refuse)]
    assert [one.peer_id for one in refusals] == ["b/p"]
