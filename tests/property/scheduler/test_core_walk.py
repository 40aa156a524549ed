"""Random walks through the core: whatever comes in any order, its state stays whole.

After every step `Core.validate` runs, and the commands are checked against what a peer may be told.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler import commands as do
from scheduler import events as ev
from scheduler.policy import OriginPolicy, Policy, SwarmPolicy, UploadPolicy
from tests.unit.scheduler.playbook import Playbook

HOSTS = [f"h{number}" for number in range(8)]
SEEDS = ["s0", "s1", "s2"]
TASKS = ["a" * 64, "b" * 64]
SMALL = Policy(
    swarm=SwarmPolicy(
        full_mesh=3, degree=3, min_degree=2, max_degree=4, feeder_children=3, feeder_low_water=2
    ),
    upload=UploadPolicy(peer_limit=2, seed_limit=3),
    origin=OriginPolicy(settle_s=1),
)

hosts = st.sampled_from(HOSTS + SEEDS)
tasks = st.sampled_from(TASKS)
tries = st.sampled_from(["x", "y"])
peer_ids = st.builds(lambda host, task, n: f"{host}/{task[0]}/{n}", hosts, tasks, tries)
bad = st.builds(ev.BadParent, st.one_of(peer_ids, st.just(f"s0-{TASKS[0][:12]}")))
wishes = st.builds(
    ev.Wish,
    url=st.just("https://example.com/x"),
    priority=st.sampled_from([0, 0, 0, 1, 2, 3, 6]),
    size_bytes=st.sampled_from([None, None, 0, 100]),
    ranged=st.booleans(),
    disable_back_to_source=st.booleans(),
    need_back_to_source=st.booleans(),
    metadata_only=st.sampled_from([False, False, False, True]),
    credentialed=st.sampled_from([False, False, True]),
)


@st.composite
def announcements(draw: st.DrawFn) -> ev.HostAnnounced:
    name = draw(hosts)
    info = ev.HostInfo(
        name,
        seed=name in SEEDS,
        own=name not in ("h6", "h7", "s2"),
        disable_shared=draw(st.sampled_from([False, False, False, True])),
    )
    return ev.HostAnnounced(info, draw(st.sampled_from([5.0, 50.0, None])))


@st.composite
def registrations(draw: st.DrawFn) -> ev.PeerRegistered:
    host, task, attempt = draw(hosts), draw(tasks), draw(tries)
    return ev.PeerRegistered(host, task, f"{host}/{task[0]}/{attempt}", draw(wishes))


@st.composite
def blob_lists(draw: st.DrawFn) -> ev.BlobsAnnounced:
    host = draw(hosts)
    held = [
        ev.HeldBlob(task, f"{host}/{task[0]}/{draw(tries)}", 100, draw(st.booleans()))
        for task in draw(st.lists(tasks, max_size=2))
    ]
    return ev.BlobsAnnounced(host, tuple(held), draw(st.booleans()), draw(st.booleans()))


steps = st.one_of(
    announcements(),
    registrations(),
    registrations(),
    registrations(),
    blob_lists(),
    st.builds(ev.HostLeft, hosts),
    st.builds(ev.PeerStarted, peer_ids, st.booleans()),
    st.builds(ev.PieceFinished, peer_ids, st.just(10), st.just(0.1), peer_ids, st.booleans()),
    st.builds(ev.PieceFailed, peer_ids, peer_ids, st.booleans()),
    st.builds(ev.PeerRescheduled, peer_ids, st.lists(bad, max_size=3).map(tuple)),
    st.builds(ev.PeerFinished, peer_ids, st.booleans()),
    st.builds(ev.PeerFailed, peer_ids, st.booleans()),
    st.builds(ev.OriginRefusedPiece, peer_ids, st.sampled_from([0, 404, 503])),
    st.builds(ev.StreamClosed, peer_ids),
    st.builds(ev.PeerLeft, peer_ids),
    st.builds(ev.SeedTriggered, tasks, hosts, peer_ids),
    st.builds(ev.SeedTriggerFailed, tasks, hosts),
    st.builds(ev.TaskLeft, tasks, st.lists(hosts, max_size=2).map(tuple)),
    st.sampled_from([0.5, 3.0, 20.0, 2000.0]),
)


def check(book: Playbook, commands: list[do.Command]) -> None:
    """What a peer is told makes sense now, or made sense when it was told."""
    pool = book.core.pool
    for command in commands:
        if not isinstance(command, do.Offer):
            continue
        assert command.parents
        peer = pool.peers.get(command.peer_id)
        names = [parent.host_id for parent in command.parents]
        assert len(names) == len(set(names))
        if peer is not None:
            assert peer.host.id not in names


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(st.lists(steps, min_size=20, max_size=80), st.integers(0, 3))
def test_any_order_of_events_keeps_the_state_whole(walk: list[ev.Event | float], seed: int) -> None:
    book = Playbook(SMALL, seed)
    for number, name in enumerate(HOSTS[:5] + SEEDS):
        book.host(name, seed=name in SEEDS, own=number != 7)
    for step in walk:
        commands = book.wait(step) if isinstance(step, float) else book.send(step)
        check(book, commands)


@settings(max_examples=20, deadline=None)
@given(st.lists(steps, min_size=20, max_size=60))
def test_nobody_waits_for_ever(walk: list[ev.Event | float]) -> None:
    book = Playbook(replace(SMALL, origin=OriginPolicy(wait_s=5, settle_s=0)))
    for name in HOSTS[:5] + SEEDS:
        book.host(name, seed=name in SEEDS)
    for step in walk:
        if isinstance(step, float):
            book.wait(step)
        else:
            book.send(step)
    waited = {peer.id for task in book.core.pool.tasks.values() for peer in task.waiting}
    book.wait(5.1)
    waiting = {peer.id for task in book.core.pool.tasks.values() for peer in task.waiting}
    assert not waited & waiting
