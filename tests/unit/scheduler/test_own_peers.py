"""What peers of our own hosts are answered."""

from __future__ import annotations

from dataclasses import replace

from scheduler import commands as do
from scheduler import events as ev
from scheduler.policy import OriginPolicy, Policy
from tests.unit.scheduler.playbook import TASK, Playbook, granted, offered


def test_first_peer_is_offered_the_seed_before_the_seed_has_started() -> None:
    book = Playbook()
    book.seed()
    (offer,) = book.join("a")
    parent = do.Parent(f"seed-{TASK[:12]}", "seed", "Pending", seed=True)
    assert offer == do.Offer("a/p", (parent,))


def test_everybody_gets_everybody_up_to_seventeen() -> None:
    book = Playbook()
    book.seed()
    for number in range(16):
        book.join(f"h{number}")
    got = offered(book.join("last"), "last")
    assert set(got) == {f"h{number}" for number in range(16)} | {"seed"}


def test_twentieth_peer_gets_sixteen_random_neighbours_and_the_seed() -> None:
    book = Playbook()
    book.seed()
    for number in range(19):
        book.join(f"h{number}")
    got = offered(book.join("h19"), "h19")
    assert "seed" in got
    assert 8 <= len(set(got) - {"seed"}) <= 16


def children_of_the_seed(book: Playbook) -> list[str]:
    feeder = book.core.pool.tasks[TASK].feeder
    assert feeder is not None
    return [peer.host.id for peer in feeder.children]


def test_the_seed_is_told_to_the_first_thirty_two_and_to_few_of_many_others() -> None:
    book = Playbook()
    book.seed()
    hosts = [f"h{number}" for number in range(200)]
    told = [host for host in hosts if "seed" in offered(book.join(host), host)]
    assert told[:32] == hosts[:32]
    assert len(told) < 130
    on_list = children_of_the_seed(book)
    assert len(on_list) == 32
    # They are a random few of all, and not the first.
    assert sum(int(host[1:]) < 100 for host in on_list) < 24


def test_who_asks_again_and_again_is_not_sent_to_the_seed_for_it() -> None:
    book = Playbook()
    book.seed()
    hosts = [f"h{number}" for number in range(50)]
    told = {host for host in hosts if "seed" in offered(book.join(host), host)}
    for host in hosts * 5:
        commands = book.send(ev.PeerRescheduled(f"{host}/p", ()))
        assert host in told or "seed" not in offered(commands, host)


def test_seed_list_is_refilled_from_those_that_have_least() -> None:
    book = Playbook()
    book.seed()
    hosts = [f"h{number}" for number in range(40)]
    for host in hosts:
        book.join(host)
    on_list = children_of_the_seed(book)
    others = [host for host in hosts if host not in on_list]
    for host in others[:4]:
        book.progress(host)
    told: list[str] = []
    for host in on_list[:9]:
        commands = book.finish(host)
        told += [other for other in hosts if "seed" in offered(commands, other)]
    assert set(told) == set(others)


def test_without_a_seed_one_host_goes_to_the_origin_and_feeds_the_others() -> None:
    book = Playbook()
    assert granted(book.join("a")) == ["a/p"]
    commands = book.join("b")
    assert granted(commands) == []
    assert offered(commands, "b") == ["a"]
    assert len(book.notes_of(do.NoteOrigin)) == 1


def test_the_grant_limit_counts_hosts_of_one_task() -> None:
    book = Playbook(Policy(origin=OriginPolicy(max_hosts_per_task=2, settle_s=0)))
    first = granted(book.join("a", need_back_to_source=True))
    second = granted(book.join("b", need_back_to_source=True))
    third = granted(book.join("c", need_back_to_source=True))
    assert (first, second, third) == (["a/p"], ["b/p"], [])


def test_a_scheduler_that_has_just_started_waits_for_the_seeds_to_announce_themselves() -> None:
    book = Playbook(Policy())
    assert book.join("a") == []
    assert offered(book.send(ev.HostAnnounced(ev.HostInfo("seed", seed=True), 60)), "a") == ["seed"]


def test_without_a_seed_the_grant_comes_when_the_start_is_over() -> None:
    book = Playbook(Policy())
    book.join("a")
    settle_s = Policy().origin.settle_s
    assert granted(book.wait(settle_s - 0.1)) == []
    assert granted(book.wait(0.2)) == ["a/p"]


def test_grant_moves_on_when_its_host_fails() -> None:
    book = Playbook()
    book.join("a")
    book.join("b")
    assert granted(book.send(ev.PeerFailed("a/p", back_to_source=True))) == []
    commands = book.send(ev.PeerRescheduled("b/p", (ev.BadParent("a/p"),)))
    assert granted(commands) == ["b/p"]


def test_grant_moves_to_the_peer_that_has_most() -> None:
    book = Playbook()
    for name in "abcd":
        book.join(name)
    book.progress("c", 500)
    book.progress("d", 200)
    commands = book.send(ev.PeerLeft("a/p"))
    assert granted(commands) == ["c/p"]
    assert offered(commands, "b") == ["c"]
    assert offered(commands, "d") == ["c"]


def test_silent_grant_is_taken_back() -> None:
    book = Playbook()
    book.join("a")
    book.join("b")
    assert granted(book.wait(61)) == ["b/p"]


def test_a_seed_whose_client_went_away_is_asked_again() -> None:
    book = Playbook()
    book.seed()
    book.register("seed")
    book.send(ev.PeerFailed("seed/p", back_to_source=True))
    assert offered(book.join("a"), "a") == ["seed"]


def test_a_seed_that_the_origin_refused_is_asked_again() -> None:
    book = Playbook()
    book.seed()
    book.register("seed")
    book.send(ev.OriginRefusedPiece("seed/p", 401))
    book.send(ev.PeerFailed("seed/p", back_to_source=True))
    assert offered(book.join("a"), "a") == ["seed"]


def test_a_seed_that_cannot_reach_the_origin_is_passed_over() -> None:
    book = Playbook()
    book.seed()
    book.register("seed")
    book.send(ev.OriginRefusedPiece("seed/p", 0))
    book.send(ev.PeerFailed("seed/p", back_to_source=True))
    assert granted(book.join("a")) == ["a/p"]


def test_a_seed_that_was_restarted_since_it_failed_is_asked_again() -> None:
    book = Playbook()
    book.seed()
    book.join("a", disable_back_to_source=True)
    book.send(ev.PeerRescheduled("a/p", (ev.BadParent(f"seed-{TASK[:12]}"),)))
    book.now += 5
    assert "seed" not in offered(book.join("b", disable_back_to_source=True), "b")
    assert "seed" in offered(book.send(ev.BlobsAnnounced("seed", (), replace=True)), "b")


def test_a_restarted_seed_is_offered_again_to_those_that_had_lost_it() -> None:
    book = Playbook()
    book.seed()
    book.join("a", disable_back_to_source=True)
    lost = (ev.BadParent(f"seed-{TASK[:12]}"),)
    assert "seed" not in offered(book.send(ev.PeerRescheduled("a/p", lost)), "a")
    book.now += 1
    told = book.send(ev.BlobsAnnounced("seed", (), replace=True))
    asked = book.send(ev.PeerRescheduled("a/p", ()))
    assert "seed" in offered(told, "a") + offered(asked, "a")


def test_a_complaint_about_where_a_seed_was_does_not_count_against_where_it_is() -> None:
    book = Playbook()
    book.send(ev.HostAnnounced(ev.HostInfo("seed", ip="10.0.0.2", seed=True), 60))
    book.send(ev.BlobsAnnounced("seed", (), replace=True))
    book.join("a", disable_back_to_source=True)
    book.now += 2
    gone = ev.BadParent(f"seed-{TASK[:12]}", "seed", "10.0.0.1")
    assert offered(book.send(ev.PeerRescheduled("a/p", (gone,))), "a") == ["seed"]
    there = ev.BadParent(f"seed-{TASK[:12]}", "seed", "10.0.0.2")
    assert offered(book.send(ev.PeerRescheduled("a/p", (there,))), "a") == []


def test_peer_that_may_not_go_to_the_origin_waits_for_a_holder() -> None:
    book = Playbook()
    assert book.join("a", disable_back_to_source=True) == []
    book.host("b")
    held = ev.HeldBlob(TASK, "b/p", 1000, complete=True)
    commands = book.send(ev.BlobsAnnounced("b", (held,)))
    assert offered(commands, "a") == ["b"]


def test_peer_that_may_not_go_to_the_origin_is_refused_after_the_wait() -> None:
    book = Playbook()
    book.join("a", disable_back_to_source=True)
    (refusal,) = book.wait(31)
    assert isinstance(refusal, do.Refuse)
    assert refusal.code == "FAILED_PRECONDITION"


def test_waiting_peer_is_woken_by_a_new_seed() -> None:
    book = Playbook()
    book.join("a", disable_back_to_source=True)
    seed = ev.HostInfo("seed", seed=True)
    assert offered(book.send(ev.HostAnnounced(seed, 60)), "a") == ["seed"]


def test_an_unstarted_seed_is_not_offered_when_somebody_holds_the_blob() -> None:
    book = Playbook()
    book.seed()
    book.host("a")
    held = ev.HeldBlob(TASK, "a/p", 1000, complete=True)
    book.send(ev.BlobsAnnounced("a", (held,)))
    assert offered(book.join("b"), "b") == ["a"]


def test_a_seed_goes_to_the_origin() -> None:
    book = Playbook()
    book.seed()
    book.join("a")
    assert granted(book.register("seed")) == ["seed/p"]


def test_a_second_seed_takes_from_the_first() -> None:
    book = Playbook()
    book.seed("s1")
    book.seed("s2")
    book.register("s1")
    commands = book.register("s2")
    assert granted(commands) == []
    assert offered(commands, "s2") == ["s1"]


def test_a_seed_takes_from_holders_before_the_origin() -> None:
    book = Playbook()
    book.seed()
    book.host("a")
    held = ev.HeldBlob(TASK, "a/p", 1000, complete=True)
    book.send(ev.BlobsAnnounced("a", (held,)))
    assert offered(book.register("seed", need_back_to_source=True), "seed") == ["a"]


def test_a_new_seed_continues_from_what_the_swarm_holds() -> None:
    book = Playbook()
    book.seed()
    book.join("a")
    book.register("seed")
    book.progress("a")
    book.send(ev.HostLeft("seed"))
    book.send(ev.PeerFailed("a/p"))
    book.register("a")
    book.seed("s2")
    book.send(ev.PeerLeft("a/p"))
    book.register("a")
    book.progress("a")
    commands = book.register("s2", need_back_to_source=True)
    assert offered(commands, "s2") == ["a"]


def test_a_seed_that_may_not_go_to_the_origin_waits_for_a_holder() -> None:
    book = Playbook()
    book.join("a")
    book.join("b")
    book.progress("b")
    book.send(ev.PeerFailed("a/p"))
    book.seed()
    assert book.register("seed", disable_back_to_source=True) == []
    assert offered(book.finish("b"), "seed") == ["b"]


def test_when_the_seed_dies_the_next_one_is_offered_at_once() -> None:
    book = Playbook()
    book.seed("s1")
    book.seed("s2")
    (first,) = offered(book.join("a"), "a")
    book.join("b")
    other = {"s1": "s2", "s2": "s1"}[first]
    commands = book.send(ev.HostLeft(first))
    assert offered(commands, "a") == [other]
    assert offered(commands, "b") == [other]


def test_when_the_last_seed_dies_one_peer_goes_to_the_origin() -> None:
    book = Playbook()
    book.seed()
    book.join("a")
    book.join("b")
    book.progress("b")
    commands = book.send(ev.HostLeft("seed"))
    assert granted(commands) == ["b/p"]
    assert offered(commands, "a") == ["b"]


def test_one_complaint_does_not_give_the_seed_up_two_do() -> None:
    book = Playbook()
    book.seed("s1")
    book.seed("s2")
    for name in "abc":
        book.join(name)
    task = book.core.pool.tasks[TASK]
    assert task.feeder is not None
    first = task.feeder.host.id
    other = {"s1": "s2", "s2": "s1"}[first]
    bad = (ev.BadParent(f"{first}-{TASK[:12]}"),)
    book.send(ev.PeerRescheduled("a/p", bad))
    assert task.feeder is not None
    assert task.feeder.host.id == first
    commands = book.send(ev.PeerRescheduled("b/p", bad))
    for name in "abc":
        assert other in offered(commands, name)


def test_one_complaint_is_enough_when_the_feeder_looks_dead() -> None:
    book = Playbook()
    book.seed()
    for name in "abc":
        book.join(name)
    book.register("seed")
    book.send(ev.StreamClosed("seed/p"))
    commands = book.send(ev.PeerRescheduled("a/p", (ev.BadParent("seed/p"),)))
    assert len(granted(commands)) == 1


def test_neighbours_of_a_lost_peer_get_another_at_once() -> None:
    book = Playbook()
    for number in range(60):
        book.join(f"h{number}")
    pool = book.core.pool
    lost = pool.peers["h59/p"]
    poor = [peer.id for peer in lost.links if len(peer.links) <= 16]
    commands = book.send(ev.HostLeft("h59"))
    told = {command.peer_id for command in commands if isinstance(command, do.Offer)}
    assert set(poor) <= told


def test_bad_parents_are_replaced_and_never_offered_again() -> None:
    book = Playbook()
    book.seed()
    for number in range(40):
        book.join(f"h{number}")
    peer = book.core.pool.peers["h39/p"]
    bad = tuple(ev.BadParent(other.id, other.host.id) for other in list(peer.links)[:3])
    names = {one.host_id for one in bad}
    got = offered(book.send(ev.PeerRescheduled("h39/p", bad)), "h39")
    assert got
    assert not names & set(got)
    assert not names & {other.host.id for other in peer.links}


def test_a_peer_offered_nothing_swaps_neighbours() -> None:
    book = Playbook()
    book.seed()
    for number in range(60):
        book.join(f"h{number}")
    peer = book.core.pool.peers["h59/p"]
    before = set(peer.links)
    book.send(ev.PeerRescheduled("h59/p"))
    assert len(before - set(peer.links)) == 2
    assert set(peer.links) - before


def test_a_host_that_shares_nothing_is_no_parent_but_has_some() -> None:
    book = Playbook()
    book.seed()
    book.join("a")
    book.host("selfish", disable_shared=True)
    assert set(offered(book.register("selfish"), "selfish")) == {"a", "seed"}
    assert "selfish" not in offered(book.join("c"), "c")


def test_empty_blob_is_answered_as_such() -> None:
    book = Playbook()
    book.host("a")
    assert book.register("a", size_bytes=0) == [do.AnswerEmpty("a/p")]
    assert book.finish("a") == [do.CloseStream("a/p")]


def test_metadata_only_is_acknowledged_and_counts_when_finished() -> None:
    book = Playbook()
    book.host("a")
    assert book.register("a", metadata_only=True) == [do.AnswerMetadataOnly("a/p")]
    book.finish("a")
    assert offered(book.join("b"), "b") == ["a"]


def test_an_unknown_host_is_told_to_announce_itself() -> None:
    book = Playbook()
    (refusal,) = book.register("nobody")
    assert isinstance(refusal, do.Refuse)
    assert refusal.code == "NOT_FOUND"


def test_a_broken_stream_may_come_back_with_its_neighbours() -> None:
    book = Playbook()
    book.seed()
    book.join("a")
    book.join("b")
    book.progress("b", 500)
    book.send(ev.StreamClosed("b/p"))
    assert set(offered(book.register("b"), "b")) == {"a", "seed"}
    assert book.core.pool.peers["b/p"].finished_bytes == 500


def test_a_broken_stream_that_does_not_come_back_ends_the_peer() -> None:
    book = Playbook()
    book.join("a")
    book.join("b")
    book.send(ev.StreamClosed("a/p"))
    assert granted(book.wait(11)) == ["b/p"]
    assert "a/p" not in book.core.pool.peers


def test_one_of_our_hosts_has_one_peer_per_task() -> None:
    book = Playbook()
    book.join("a")
    commands = book.send(ev.PeerRegistered("a", TASK, "a/again", ev.Wish()))
    assert do.CloseStream("a/p") in commands
    assert granted(commands) == ["a/again"]


def test_priorities_decide_while_nobody_holds_the_blob() -> None:
    book = Playbook()
    book.seed()
    for name in "abc":
        book.host(name)
    (forbidden,) = book.register("a", priority=1)
    (absent,) = book.register("b", priority=2)
    assert isinstance(forbidden, do.Refuse)
    assert forbidden.code == "FAILED_PRECONDITION"
    assert isinstance(absent, do.Refuse)
    assert absent.code == "NOT_FOUND"
    assert granted(book.register("c", priority=3)) == ["c/p"]


def test_a_part_holder_is_no_holder_of_the_blob() -> None:
    book = Playbook()
    book.seed()
    book.join("a", ranged=True)
    book.finish("a")
    assert set(offered(book.join("b"), "b")) == {"a", "seed"}


def test_same_events_same_commands() -> None:
    def run() -> list[do.Command]:
        book = Playbook(seed=7)
        book.seed()
        said: list[do.Command] = []
        for number in range(50):
            said += book.join(f"h{number}")
        for number in range(0, 50, 3):
            said += book.finish(f"h{number}")
        return said + book.send(ev.HostLeft("seed"))

    assert run() == run()


def test_policy_refuses_nonsense() -> None:
    policy = Policy()
    for section, change in (("swarm", {"min_degree": 0}), ("origin", {"max_hosts_per_task": 0})):
        try:
            replace(getattr(policy, section), **change)
        except ValueError:
            continue
        raise AssertionError(section)
