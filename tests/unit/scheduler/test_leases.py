"""What runs out, who is quarantined, what is learnt anew."""

from __future__ import annotations

import weakref

from scheduler import commands as do
from scheduler import events as ev
from tests.unit.scheduler.playbook import TASK, Playbook, granted, offered


def test_a_host_silent_for_two_intervals_is_gone_with_its_peers() -> None:
    book = Playbook()
    book.host("a", interval_s=10)
    book.register("a")
    book.wait(19)
    assert "a" in book.core.pool.hosts
    book.wait(2)
    assert not book.core.pool.hosts
    assert not book.core.pool.peers
    assert len(book.notes_of(do.NoteHostExpired)) == 1


def test_announcing_renews_the_lease() -> None:
    book = Playbook()
    for _ in range(5):
        book.host("a", interval_s=10)
        book.wait(15)
    assert "a" in book.core.pool.hosts


def test_a_peer_without_progress_is_dropped() -> None:
    book = Playbook()
    book.seed("seed", interval_s=1e6)
    book.host("a", interval_s=1e6)
    book.register("a")
    book.wait(1500)
    book.progress("a")
    book.wait(1500)
    assert "a/p" in book.core.pool.peers
    book.wait(400)
    assert "a/p" not in book.core.pool.peers


def test_a_task_without_peers_is_forgotten() -> None:
    book = Playbook()
    book.host("a", interval_s=1e6)
    book.register("a")
    book.send(ev.PeerLeft("a/p"))
    book.wait(1700)
    assert TASK in book.core.pool.tasks
    book.wait(2000)
    assert not book.core.pool.tasks


def test_a_finished_peer_lives_for_a_day_unless_it_is_announced_again() -> None:
    book = Playbook()
    book.host("a", interval_s=1e6)
    book.register("a")
    book.finish("a", back_to_source=True)
    book.wait(80_000)
    held = ev.HeldBlob(TASK, "a/p", 1000, complete=True)
    book.send(ev.BlobsAnnounced("a", (held,), replace=True))
    book.wait(80_000)
    assert "a/p" in book.core.pool.peers
    book.wait(10_000)
    assert "a/p" not in book.core.pool.peers


def test_three_bad_pieces_quarantine_a_parent_and_its_children_get_others() -> None:
    book = Playbook()
    book.seed("seed", interval_s=1e6)
    for name in "abcd":
        book.host(name, interval_s=1e6)
        book.register(name)
    for _ in range(2):
        book.send(ev.PieceFailed("a/p", "b/p", temporary=False))
    assert not book.notes_of(do.NoteQuarantine)
    book.send(ev.PieceFailed("c/p", "b/p", temporary=False))
    assert len(book.notes_of(do.NoteQuarantine)) == 1
    assert "b" not in offered(book.join("e"), "e")
    book.wait(601)
    assert "b" in offered(book.join("f"), "f")


def test_temporary_failures_do_not_count() -> None:
    book = Playbook()
    for name in "ab":
        book.join(name)
    for _ in range(5):
        book.send(ev.PieceFailed("b/p", "a/p", temporary=True))
    assert not book.notes_of(do.NoteQuarantine)


def test_a_seed_that_lies_is_replaced_even_before_it_registered() -> None:
    book = Playbook()
    book.seed()
    book.join("a")
    book.join("b")
    commands: list[do.Command] = []
    for _ in range(3):
        commands = book.send(ev.PieceFailed("a/p", f"seed-{TASK[:12]}", temporary=False))
    assert len(granted(commands)) == 1


def test_a_restarted_scheduler_learns_what_hosts_hold() -> None:
    book = Playbook()
    for name in "abc":
        book.host(name)
    whole = ev.HeldBlob(TASK, "a/p", 1000, complete=True, url="https://example.com/x")
    part = ev.HeldBlob(TASK, "b/p", 1000, complete=False)
    book.send(ev.BlobsAnnounced("a", (whole,), replace=True))
    book.send(ev.BlobsAnnounced("b", (part,), replace=True))
    assert set(offered(book.register("c"), "c")) == {"a", "b"}
    assert book.core.pool.tasks[TASK].size_bytes == 1000


def test_a_full_list_drops_what_is_not_on_it_but_no_running_download() -> None:
    book = Playbook()
    book.host("a")
    gone, kept = "1" * 64, "2" * 64
    blobs = (ev.HeldBlob(gone, "p1", 10, complete=True), ev.HeldBlob(kept, "p2", 10, complete=True))
    book.send(ev.BlobsAnnounced("a", blobs, replace=True))
    book.register("a")
    book.send(ev.BlobsAnnounced("a", blobs[1:], replace=True))
    assert set(book.core.pool.peers) == {"p2", "a/p"}


def test_a_further_batch_adds() -> None:
    book = Playbook()
    book.host("a")
    first, second = "1" * 64, "2" * 64
    book.send(ev.BlobsAnnounced("a", (ev.HeldBlob(first, "p1", 1, complete=True),), replace=True))
    book.send(ev.BlobsAnnounced("a", (ev.HeldBlob(second, "p2", 1, complete=True),)))
    assert set(book.core.pool.peers) == {"p1", "p2"}


def held(number: int) -> ev.HeldBlob:
    return ev.HeldBlob(f"{number}" * 64, f"p{number}", 1, complete=True)


def test_a_list_in_batches_forgets_at_its_end_and_nothing_that_it_names() -> None:
    book = Playbook()
    book.host("a")
    for _ in range(2):
        before = dict(book.core.pool.peers)
        book.send(ev.BlobsAnnounced("a", (held(1), held(2)), replace=True, more=True))
        assert before.items() <= book.core.pool.peers.items()
        book.send(ev.BlobsAnnounced("a", (held(3),), more=True))
        book.send(ev.BlobsAnnounced("a", (held(4),)))
        assert set(book.core.pool.peers) == {"p1", "p2", "p3", "p4"}
        assert before.items() <= book.core.pool.peers.items()
    book.send(ev.BlobsAnnounced("a", (held(1),), replace=True, more=True))
    assert len(book.core.pool.peers) == 4
    book.send(ev.BlobsAnnounced("a", (held(4),)))
    assert set(book.core.pool.peers) == {"p1", "p4"}


def test_a_list_that_breaks_off_forgets_nothing() -> None:
    book = Playbook()
    book.host("a")
    book.send(ev.BlobsAnnounced("a", (held(1), held(2)), replace=True))
    book.send(ev.BlobsAnnounced("a", (held(3),), replace=True, more=True))
    book.wait(100)
    book.send(ev.BlobsAnnounced("a", (held(1),), replace=True, more=True))
    book.send(ev.BlobsAnnounced("a", (held(2),)))
    assert set(book.core.pool.peers) == {"p1", "p2"}


def test_what_was_finished_while_the_list_was_made_is_not_forgotten() -> None:
    """Listing very many blobs takes its time, and so do many batches."""
    book = Playbook()
    book.host("a", interval_s=1e6)
    book.register("a")
    book.send(ev.BlobsAnnounced("a", (held(1),), replace=True, more=True))
    book.finish("a", back_to_source=True)
    book.send(ev.StreamClosed("a/p"))
    book.wait(60)
    book.send(ev.BlobsAnnounced("a", (held(2),)))
    assert set(book.core.pool.peers) == {"p1", "p2", "a/p"}
    book.send(ev.BlobsAnnounced("a", (held(1),), replace=True))
    assert set(book.core.pool.peers) == {"p1"}


def test_no_lease_keeps_a_forgotten_peer_in_memory() -> None:
    """A host with very many blobs may come and go more often than leases run out."""
    book = Playbook()
    for _ in range(3):
        book.host("a")
        book.send(ev.BlobsAnnounced("a", tuple(map(held, range(1, 9))), replace=True))
        gone = [weakref.ref(peer) for peer in book.core.pool.peers.values()]
        book.send(ev.HostLeft("a"))
        assert [peer() for peer in gone] == [None] * 8
    book.wait(2000)
    assert not book.core.pool.tasks


def test_deleting_a_task_takes_its_peers_from_the_named_hosts() -> None:
    book = Playbook()
    for name in "ab":
        book.host(name)
        held = ev.HeldBlob(TASK, f"{name}/p", 10, complete=True)
        book.send(ev.BlobsAnnounced(name, (held,)))
    book.send(ev.TaskLeft(TASK, ("a",)))
    assert set(book.core.pool.peers) == {"b/p"}
