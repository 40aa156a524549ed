"""Many answers become one picture: totals over restarts, hosts once, tasks by weight, alarms."""

from __future__ import annotations

from dataclasses import replace

from manager.observe.model import Host, Note, Swarm, Target, Task, Traffic
from manager.observe.state import SILENT_AFTER, State, Station

A, B = Target("a:8002", "a"), Target("b:8002", "b")


def host(name: str, **about: object) -> Host:
    plain = Host(
        *(name, name, "10.0.0.1", 4000, False, True, "", "", "0.1.0", 1.0, 1.0, 100, 10),
        *(0.0, 0.0, 0.0, 1, 0, False, False, 0.0),
    )
    return replace(plain, **about)  # type: ignore[arg-type]


def task(name: str, **about: object) -> Task:
    plain = Task(name, "https://o/x", "Running", 100, 1, 0, 0, 0, 0.0, "", "", "", 0.0, 0.0)
    return replace(plain, **about)  # type: ignore[arg-type]


def answer(boot: str = "one", **about: object) -> Swarm:
    plain = Swarm(boot, 1, 0, 0, (), None, Traffic())
    return replace(plain, **about)  # type: ignore[arg-type]


def watched(*targets: Target) -> tuple[State, list[Station]]:
    state = State()
    new, _ = state.retarget(list(targets))
    return state, new


def test_totals_survive_a_restart_of_the_scheduler() -> None:
    state, (station,) = watched(A)
    for boot, moved in (("one", 100), ("one", 150), ("two", 30), ("two", 40)):
        state.answered(station, answer(boot, traffic=Traffic(peers_to_peers=moved)), 0.0)
    assert state.total.peers_to_peers == 190
    assert state.total.spared == 190


def test_the_origin_is_spared_what_nodes_got_from_each_other() -> None:
    traffic = Traffic(origin_to_seeds=10, origin_to_peers=5, seeds_to_peers=20, peers_to_peers=100)
    assert (traffic.delivered, traffic.origin, traffic.spared) == (125, 15, 110)


def test_a_host_of_two_schedulers_is_told_once_seeds_first() -> None:
    state, (a, b) = watched(A, B)
    state.answered(a, answer(hosts=(host("n1"), host("s", seed=True))), 0.0)
    state.answered(b, answer(hosts=(host("n1"), host("n0"))), 0.0)
    assert list(state.hosts) == ["s", "n0", "n1"]
    assert (state.census.hosts, state.census.seeds) == (3, 1)
    assert state.census.by_state == {"idle": 3}


def test_hosts_stay_when_an_answer_has_none() -> None:
    state, (station,) = watched(A)
    state.answered(station, answer(hosts=(host("n"),)), 0.0)
    state.answered(station, answer(), 1.0)
    assert list(state.hosts) == ["n"]


def test_busy_tasks_come_first() -> None:
    state, (station,) = watched(A)
    tasks = (task("old", updated_at=1.0), task("slow", running_count=1, rate=1.0))
    state.answered(station, answer(tasks=(*tasks, task("fast", running_count=1, rate=9.0))), 0.0)
    assert [t.id for t in state.tasks()] == ["fast", "slow", "old"]


def test_who_knows_a_task_is_asked_first() -> None:
    state, (a, b) = watched(A, B)
    state.answered(a, answer(), 0.0)
    state.answered(b, answer(tasks=(task("t"),)), 0.0)
    assert [station.target.name for station in state.stations_of("t")] == ["b", "a"]


def test_a_scheduler_that_is_gone_takes_its_hosts_along() -> None:
    state, (a, _) = watched(A, B)
    state.answered(a, answer(hosts=(host("n"),)), 0.0)
    new, gone = state.retarget([B])
    assert ([*new], [station.target for station in gone]) == ([], [A])
    assert not state.hosts


def test_notes_are_kept_once_and_anew_after_a_restart() -> None:
    state, (station,) = watched(A)
    note = Note(7, 1.0, "host-expired", "n", "", "silent")
    state.answered(station, answer("one", notes=(note,)), 0.0)
    state.answered(station, answer("one", notes=(note,)), 0.0)
    assert [n.number for n in state.notes] == [7]
    state.answered(station, answer("two", notes=(replace(note, number=1),)), 0.0)
    assert [n.number for n in state.notes] == [7, 1]


def test_alarms_worst_first() -> None:
    state, (a, b) = watched(A, B)
    hosts = (host("bad", quarantined=True), host("full", disk_used=99))
    state.answered(a, answer(hosts=hosts, notes=(Note(1, 99.0, "host-expired", "n", "", "x"),)), 99)
    for _ in range(SILENT_AFTER):
        state.failed(b, "b:8002 does not answer")
    found = [(alarm.severity, alarm.kind) for alarm in state.alarms(100.0)]
    assert found == [
        ("critical", "scheduler"),
        ("critical", "quarantine"),
        ("warning", "no-seed"),
        ("warning", "disk"),
        ("warning", "host-expired"),
    ]
    assert not [alarm for alarm in state.alarms(9999.0) if alarm.kind == "host-expired"]


def test_who_went_away_is_an_alarm_and_is_not_asked() -> None:
    state = State()
    lost = replace(B, gone_at=50.0, cluster="north", cluster_id=3)
    seed = Target("s:4000", "s", kind="seed", gone_at=40.0)
    new, _ = state.retarget([A, lost, seed])
    assert [station.target for station in new] == [A]
    found = [(alarm.severity, alarm.title, alarm.link) for alarm in state.alarms(60.0)]
    assert found == [
        ("critical", "Scheduler b went away", "/clusters/3"),
        ("warning", "Seed s went away", "/clusters"),
    ]


def test_progress_and_time_left() -> None:
    running = task("t", running_count=2, running_bytes=50, rate=25.0)
    assert (running.progress, running.seconds_left) == (0.25, 6.0)
    assert task("t").progress == 0.0
    assert task("t", complete_count=3).progress == 1.0


def test_what_was_moved_before_the_first_look_is_no_rate() -> None:
    state, (station,) = watched(A)
    for second in range(3):
        moved = Traffic(peers_to_peers=10**12 + 200 * second)
        state.answered(station, answer(traffic=moved), 2.0 * second)
        state.sample(2.0 * second)
        state.sample(2.0 * second + 0.5)
    assert state.history.now.peers == 100.0
