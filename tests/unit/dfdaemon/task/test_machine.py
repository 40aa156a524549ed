"""One download as a script: what happened, what the machine commands."""

from __future__ import annotations

from random import Random

from dfcore.digest import Digest
from dfcore.errors import (
    ContentChanged,
    Denied,
    DigestMismatch,
    NoSpace,
    OriginRefused,
    RangeIgnored,
    TimedOut,
    Unavailable,
)
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.machine import Download
from dfdaemon.task.origin_runs import OriginPolicy
from dfdaemon.task.policy import TaskPolicy

MIB = 1 << 20
GEOMETRY = Geometry(8 * MIB, 4 * MIB, MIB)
OFFER = it.Offer(GEOMETRY)
ALL = 0xFF
SEED = it.ParentAddress("seed", "host-seed", "127.0.0.1", 4005, seed=True)
PEER = it.ParentAddress("peer", "host-peer", "127.0.0.2", 4005)
SHA = Digest("sha256", "ab" * 32)


def digests(bits: int) -> dict[int, bytes]:
    return {unit: bytes([unit]) * 16 for unit in range(8) if bits >> unit & 1}


def node(**policy: object) -> Download:
    return Download(TaskPolicy(**policy), Random(1), digest=SHA)  # type: ignore[arg-type]


def seed() -> Download:
    return Download(TaskPolicy(origin=OriginPolicy(first=True)), Random(1), digest=SHA)


def granted_seed(offer: it.Offer | None = None, held_bits: int = 0) -> Download:
    """A seed that the scheduler sends to the origin."""
    download = seed()
    download.handle(it.Started(held_bits, offer), 0.0)
    download.handle(it.OriginGranted(), 0.0)
    return download


def of(kind: type, commands: list[do.Command]) -> list[do.Command]:
    return [command for command in commands if isinstance(command, kind)]


def fetching_node() -> Download:
    """A node that joined the seed, which holds everything, and a peer, which holds nothing."""
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED, PEER)), 0.0)
    download.handle(it.ParentJoined("seed", OFFER, ALL, digests(ALL)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, 0, {}), 0.0)
    return download


def arrive(download: Download, commands: list[do.Command], now: float = 1.0) -> list[do.Command]:
    """Let every any-of request bring the lowest unit that is missing, until all are here."""
    answers: list[do.Command] = []
    pending = list(commands)
    while pending:
        command = pending.pop(0)
        if not isinstance(command, do.FetchAny):
            answers.append(command)
            continue
        assert download.planner is not None
        needed = download.planner.needed
        if not needed:
            continue
        unit = (needed & -needed).bit_length() - 1
        assert download.claim(command.transfer, unit)
        arrived = it.UnitArrived(command.transfer, unit, MIB, bytes([unit]) * 16, 0.1)
        pending += download.handle(arrived, now)
    return answers


def test_a_node_registers_joins_fetches_checks_and_succeeds() -> None:
    download = node()
    assert download.handle(it.Started(), 0.0) == [do.Register()]
    assert download.handle(it.CandidatesNamed((SEED,)), 0.0) == [do.JoinParent(SEED)]
    commands = download.handle(it.ParentJoined("seed", OFFER, ALL, digests(ALL)), 0.0)
    assert commands[0] == do.CreateBlob(OFFER)
    answers = arrive(download, commands)
    assert do.CheckContent() in answers
    end = download.handle(it.ContentChecked(True, str(SHA)), 2.0)
    assert end == [do.LeaveParent("seed"), do.Succeed(whole=True)]
    assert download.state == "succeeded"


def test_a_node_that_is_granted_the_origin_goes_there() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.OriginGranted(), 0.0)
    assert download.handle(it.CandidatesNamed(()), 0.0) == [do.OpenOrigin(1)]


LOST = it.SchedulerLost(Unavailable("no scheduler answers"))


def test_without_a_scheduler_a_node_goes_to_the_origin_after_a_grace() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    assert download.handle(LOST, 0.0) == []
    assert download.handle(it.Ticked(), 9.9) == []
    assert download.handle(it.Ticked(), 10.1) == [do.OpenOrigin(1)]


def test_the_longer_schedulers_are_away_the_less_a_node_waits_for_them() -> None:
    for away_s, grace_s in ((6.0, 4.0), (9.0, 2.0), (1000.0, 2.0)):
        download = node()
        download.handle(it.Started(), 0.0)
        lost = it.SchedulerLost(Unavailable("no scheduler answers"), away_s=away_s)
        assert download.handle(lost, 0.0) == []
        assert download.handle(it.Ticked(), grace_s - 0.1) == []
        assert download.handle(it.Ticked(), grace_s + 0.1) == [do.OpenOrigin(1)]


def test_a_scheduler_that_comes_back_in_time_spares_the_origin() -> None:
    download = node()
    download.handle(it.Started(offer=OFFER), 0.0)
    download.handle(LOST, 0.0)
    download.handle(it.CandidatesNamed((SEED,)), 1.0)
    download.handle(it.ParentJoined("seed", OFFER, 0, {}), 1.1)
    assert not of(do.FetchRun, download.handle(it.Ticked(), 9.0))


def test_what_the_scheduler_forbids_fails_unless_somebody_has_it() -> None:
    forbidden = it.DownloadForbidden(Denied("priority LEVEL1 forbids it"))
    assert fetching_node().handle(forbidden, 1.0) == []
    download = node()
    download.handle(it.Started(), 0.0)
    assert download.handle(forbidden, 0.0) == [do.Fail(forbidden.error)]


def test_where_no_scheduler_is_configured_the_origin_is_asked_at_once() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    lost = it.SchedulerLost(Unavailable("none"), configured=False)
    assert download.handle(lost, 0.0) == [do.OpenOrigin(1)]


def test_a_node_that_may_not_go_to_the_origin_waits_and_then_fails() -> None:
    download = Download(TaskPolicy(), Random(1), disable_back_to_source=True)
    download.handle(it.Started(), 0.0)
    assert download.handle(LOST, 0.0) == []
    (failed,) = of(do.Fail, download.handle(LOST, 61.0))
    assert isinstance(failed, do.Fail)
    assert isinstance(failed.error, Unavailable)


def test_a_scheduler_that_goes_away_does_not_send_a_running_node_to_the_origin() -> None:
    download = fetching_node()
    download.handle(LOST, 1.0)
    assert not of(do.FetchRun, download.handle(it.Ticked(), 9.0))


def test_a_seed_takes_runs_from_the_origin_on_several_connections() -> None:
    download = granted_seed(it.Offer(Geometry(64 * MIB, 4 * MIB, MIB)))
    commands = download.handle(it.CandidatesNamed(()), 0.0)
    runs = [(c.first, c.until) for c in commands if isinstance(c, do.FetchRun)]
    assert runs == [(0, 8), (8, 16), (16, 24), (24, 32)]


def test_a_seed_reads_the_whole_in_one_run_where_the_origin_ignores_ranges() -> None:
    download = granted_seed(it.Offer(Geometry(64 * MIB, 4 * MIB, MIB)))
    download.handle(it.CandidatesNamed(()), 0.0)
    assert download.handle(it.WholeSent(1), 0.1) == [do.CancelTransfer(n) for n in (2, 3, 4)]
    assert not of(do.FetchRun, download.handle(it.OriginRunEnded(2, RangeIgnored("200")), 0.2))
    for unit in range(64):
        commands = download.handle(it.UnitArrived(1, unit, MIB, bytes(16), 0.0), 0.3)
    assert do.CheckContent() in commands


def test_a_seed_that_another_host_forestalled_waits_for_its_grant() -> None:
    download = seed()
    download.handle(it.Started(offer=OFFER), 0.0)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, 0, {}), 0.0)
    assert not of(do.FetchRun, download.handle(it.Ticked(), 9.0))
    assert of(do.FetchRun, download.handle(it.OriginGranted(), 9.0))


def test_a_new_seed_takes_from_peers_what_they_hold_and_the_rest_from_the_origin() -> None:
    download = granted_seed(OFFER)
    waiting = download.handle(it.CandidatesNamed((PEER,)), 0.0)
    assert not of(do.FetchRun, waiting)
    commands = download.handle(it.ParentJoined("peer", OFFER, 0x0F, digests(0x0F)), 0.0)
    assert of(do.FetchUnit, commands)
    assert [(c.first, c.until) for c in commands if isinstance(c, do.FetchRun)] == [(4, 8)]


def test_a_seed_does_not_wait_for_peers_for_ever() -> None:
    download = granted_seed(OFFER)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    assert of(do.FetchRun, download.handle(it.Ticked(), 1.1))


def test_a_broken_run_is_asked_for_again_where_it_broke() -> None:
    from dfcore.errors import OriginBroken

    download = granted_seed(OFFER)
    (run,) = of(do.FetchRun, download.handle(it.CandidatesNamed(()), 0.0))
    assert isinstance(run, do.FetchRun)
    download.handle(it.UnitArrived(run.transfer, 0, MIB, b"0" * 16, 0.1), 0.5)
    download.handle(it.OriginRunEnded(run.transfer, OriginBroken("cut")), 0.6)
    (again,) = of(do.FetchRun, download.handle(it.Ticked(), 5.0))
    assert isinstance(again, do.FetchRun)
    assert (again.first, again.until) == (1, 8)


def test_the_origins_refusal_ends_the_task_with_its_answer() -> None:
    refusal = OriginRefused(404, {"X-Error-Code": "EntryNotFound"}, b"no")
    download = granted_seed()
    (opened,) = of(do.OpenOrigin, download.handle(it.CandidatesNamed(()), 0.0))
    assert isinstance(opened, do.OpenOrigin)
    end = download.handle(it.OriginRunEnded(opened.transfer, refusal), 0.1)
    assert end == [do.Fail(refusal)]


def test_a_seed_that_reports_the_origins_refusal_fails_the_node_at_once() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED,)), 0.0)
    refusal = OriginRefused(403, {}, b"gated")
    assert do.Fail(refusal) in download.handle(it.ParentRefused("seed", refusal), 0.1)


def test_a_host_that_is_named_twice_is_one_parent() -> None:
    download = fetching_node()
    again = it.ParentAddress("seed-by-another-id", "host-seed", "127.0.0.1", 4005, seed=True)
    assert not of(do.JoinParent, download.handle(it.CandidatesNamed((again,)), 1.0))
    lost = download.handle(it.ParentLost("seed", "silent"), 2.0)
    assert of(do.CancelTransfer, lost)
    assert of(do.JoinParent, download.handle(it.CandidatesNamed((again,)), 3.0))


def test_a_lost_seed_is_replaced() -> None:
    download = fetching_node()
    commands = download.handle(it.ParentLost("seed", "closed"), 1.0)
    assert of(do.CancelTransfer, commands) == [do.CancelTransfer(n) for n in (1, 2, 3, 4)]
    assert do.Reschedule(("seed",), "closed") in commands


def test_a_peer_with_wrong_bytes_is_reported_and_banned() -> None:
    download = fetching_node()
    commands = download.handle(it.ParentHeld("peer", digests(0x80)), 1.0)
    (fetch,) = of(do.FetchUnit, commands)
    assert isinstance(fetch, do.FetchUnit)
    answers = download.handle(it.TransferCorrupt(fetch.transfer), 1.1)
    assert do.ReportBadParent("peer", 7) in answers
    assert do.LeaveParent("peer") in answers
    assert download.handle(it.CandidatesNamed((PEER,)), 1.2) == []


def test_a_seed_vouches_and_a_liar_is_not_believed() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED, PEER)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, 1, {0: b"x" * 16}), 0.0)
    download.handle(it.ParentJoined("seed", OFFER, 1, {0: b"y" * 16}), 0.0)
    assert download.expected_digest(0) == b"y" * 16


def complete(download: Download) -> None:
    assert download.planner is not None
    download.planner.held = ALL
    assert do.CheckContent() in download.handle(it.Ticked(), 1.0)


WRONG = it.ContentChecked(False, "sha256:00")


def test_wrong_content_that_a_seed_vouched_for_is_thrown_away_and_the_seed_is_joined_anew() -> None:
    download = fetching_node()
    complete(download)
    over = download.handle(WRONG, 1.1)
    at = over.index(do.ForgetUnits())
    assert over[at + 1 :] == [do.LeaveParent("seed"), do.JoinParent(SEED)]
    assert not of(do.FetchAny, over)
    # It has not found out yet itself, and is given a moment to do so.
    commands = download.handle(it.ParentJoined("seed", OFFER, ALL, digests(ALL)), 1.2)
    assert not of(do.FetchAny, commands)
    assert do.ForgetUnits() in download.handle(it.ParentJoined("seed", OFFER, 0, {}), 1.3)
    commands = download.handle(it.ParentJoined("seed", OFFER, 1, {0: b"n" * 16}), 1.4)
    assert of(do.FetchAny, commands)
    assert download.expected_digest(0) == b"n" * 16


def test_a_seed_that_has_verified_what_it_holds_is_asked_again_at_once() -> None:
    download = fetching_node()
    complete(download)
    download.handle(WRONG, 1.1)
    joined = it.ParentJoined("seed", OFFER, ALL, digests(ALL), complete=True)
    assert of(do.FetchAny, download.handle(joined, 1.2))


def test_a_seed_that_does_not_find_out_is_asked_again_after_a_while() -> None:
    download = fetching_node()
    complete(download)
    download.handle(WRONG, 1.1)
    download.handle(it.ParentJoined("seed", OFFER, ALL, digests(ALL)), 1.2)
    moment = download.wake_at(1.2)
    assert moment is not None
    assert of(do.FetchAny, download.handle(it.Ticked(), moment))


def test_what_a_peer_takes_back_binds_nobody() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, 0x80, {7: b"x" * 16}), 0.1)
    download.handle(it.ParentJoined("peer", OFFER, 0, {}), 0.2)
    download.handle(it.ParentHeld("peer", {7: b"y" * 16}), 0.3)
    assert download.expected_digest(7) == b"y" * 16


def test_content_that_is_wrong_time_and_again_fails_the_task() -> None:
    download = fetching_node()
    for _ in range(2):
        complete(download)
        assert not of(do.Fail, download.handle(WRONG, 1.1))
        download.handle(it.ParentJoined("seed", OFFER, ALL, digests(ALL)), 1.2)
    complete(download)
    (failed,) = of(do.Fail, download.handle(WRONG, 1.3))
    assert isinstance(failed, do.Fail)
    assert isinstance(failed.error, DigestMismatch)


def test_wrong_content_that_no_seed_vouched_for_costs_the_peers_their_trust() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, ALL, digests(ALL)), 0.0)
    complete(download)
    over = download.handle(WRONG, 1.1)
    assert do.ForgetUnits() in over
    assert do.LeaveParent("peer") in over
    assert of(do.Reschedule, over)
    assert download.state == "fetching"
    assert download.handle(it.CandidatesNamed((PEER,)), 1.2) == []


def test_peers_are_not_taken_from_again_at_once_after_wrong_content_without_a_seed() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, ALL, digests(ALL)), 0.0)
    complete(download)
    download.handle(WRONG, 1.1)
    other = it.ParentAddress("other", "host-other", "127.0.0.4", 4005)
    download.handle(it.CandidatesNamed((other,)), 1.2)
    assert not of(
        do.FetchUnit, download.handle(it.ParentJoined("other", OFFER, ALL, digests(ALL)), 1.3)
    )
    moment = download.wake_at(1.3)
    assert moment is not None
    assert of(do.FetchUnit, download.handle(it.Ticked(), moment))


def test_nothing_is_taken_on_a_peers_word_while_a_seed_is_on_its_way() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED, PEER)), 0.0)
    joined = it.ParentJoined("peer", OFFER, ALL, digests(ALL))
    assert not of(do.FetchUnit, download.handle(joined, 0.1))
    assert of(do.FetchUnit, download.handle(it.ParentLost("seed", "no route"), 0.2))


def test_a_seed_that_contradicts_a_unit_we_took_makes_us_begin_anew() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    joined = it.ParentJoined("peer", OFFER, 1, {0: b"x" * 16})
    (fetch,) = of(do.FetchUnit, download.handle(joined, 0.0))
    assert isinstance(fetch, do.FetchUnit)
    download.handle(it.UnitArrived(fetch.transfer, 0, MIB, b"x" * 16, 0.1), 0.2)
    download.handle(it.CandidatesNamed((SEED,)), 0.3)
    over = download.handle(it.ParentJoined("seed", OFFER, ALL, digests(ALL)), 0.4)
    assert do.ForgetUnits() in over
    assert do.JoinParent(SEED) in over
    assert download.planner is not None
    assert download.planner.parents["peer"].held == 0


def test_a_right_unit_is_not_doubted_for_what_a_liar_says_of_it() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED, PEER)), 0.0)
    download.handle(it.ParentJoined("peer", OFFER, 1, {0: b"x" * 16}), 0.0)
    (fetch, *_) = of(do.FetchAny, download.handle(it.ParentJoined("seed", OFFER, 0, {}), 0.0))
    assert isinstance(fetch, do.FetchAny)
    assert download.claim(fetch.transfer, 0)
    download.handle(it.UnitArrived(fetch.transfer, 0, MIB, digests(1)[0], 0.1), 0.1)
    assert do.ForgetUnits() not in download.handle(it.ParentHeld("seed", digests(1)), 0.2)


def test_a_peers_word_does_not_bind_a_seed() -> None:
    download = fetching_node()
    download.handle(it.ParentJoined("peer", OFFER, 0x80, {7: b"x" * 16}), 0.1)
    assert download.expected_digest(7) == digests(ALL)[7]
    fresh = node()
    fresh.handle(it.Started(), 0.0)
    fresh.handle(it.CandidatesNamed((SEED, PEER)), 0.0)
    fresh.handle(it.ParentJoined("peer", OFFER, 1, {0: b"x" * 16}), 0.1)
    assert fresh.expected_digest(0) == b"x" * 16
    assert fresh.promised_digest(0) is None


def test_a_peer_that_begins_anew_is_believed_to_hold_nothing() -> None:
    download = fetching_node()
    download.handle(it.ParentHeld("peer", digests(0x80)), 1.0)
    assert download.planner is not None
    download.handle(it.ParentJoined("peer", OFFER, 0, {}), 1.1)
    assert download.planner.parents["peer"].held == 0
    assert download.planner.held == 0


def test_a_seed_that_begins_anew_while_we_check_makes_us_begin_anew() -> None:
    download = fetching_node()
    complete(download)
    assert do.ForgetUnits() in download.handle(it.ParentJoined("seed", OFFER, 0, {}), 1.1)
    assert download.state == "fetching"
    assert download.handle(WRONG, 1.2) == []


def test_what_was_found_right_stays_right_though_the_seed_begins_anew() -> None:
    download = fetching_node()
    complete(download)
    download.handle(it.ParentJoined("seed", OFFER, 0, {}), 1.1)
    assert do.Succeed(whole=True) in download.handle(it.ContentChecked(True, str(SHA)), 1.2)


def test_a_unit_of_before_that_arrives_late_does_not_count() -> None:
    download = fetching_node()
    assert download.planner is not None
    number = next(iter(download.planner.flights))
    assert download.claim(number, 0)
    download.handle(it.ParentJoined("seed", OFFER, 0, {}), 1.0)
    download.handle(it.UnitArrived(number, 0, MIB, b"0" * 16, 0.1), 1.1)
    assert download.planner.held == 0


def test_a_seed_is_reported_only_when_it_is_given_up() -> None:
    download = fetching_node()
    reports = 0
    for step in range(3):
        assert download.planner is not None
        number = next(iter(download.planner.flights))
        commands = download.handle(it.TransferCorrupt(number), 2.0 + 5 * step)
        reports += len(of(do.ReportBadParent, commands))
        download.handle(it.Ticked(), 4.0 + 5 * step)
    assert reports == 1
    assert "seed" not in download.planner.parents


def test_a_parent_with_another_version_of_the_content_is_not_taken_from() -> None:
    download = Download(TaskPolicy(), Random(1), validator='"v2"')
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((PEER,)), 0.0)
    old = it.Offer(GEOMETRY, validator='"v1"')
    assert do.LeaveParent("peer") in download.handle(it.ParentJoined("peer", old, ALL, {}), 0.0)
    assert download.planner is None


def test_a_seed_fetches_wrong_content_once_more() -> None:
    download = granted_seed(OFFER, ALL)
    first = download.handle(it.ContentChecked(False, "sha256:00"), 0.1)
    assert do.ForgetUnits() in first
    assert not of(do.Fail, first)
    assert of(do.FetchRun, first + download.handle(it.CandidatesNamed(()), 0.2))


def test_other_content_at_the_seed_is_never_mixed_in() -> None:
    download = Download(TaskPolicy(), Random(1))
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED,)), 0.0)
    old = it.Offer(GEOMETRY, validator='"v1"')
    new = it.Offer(GEOMETRY, validator='"v2"')
    download.handle(it.ParentJoined("seed", old, 0, {}), 0.0)
    other = it.ParentAddress("seed2", "host-seed2", "127.0.0.3", 4005, seed=True)
    download.handle(it.CandidatesNamed((other,)), 0.0)
    (failed,) = of(do.Fail, download.handle(it.ParentJoined("seed2", new, 0, {}), 0.0))
    assert isinstance(failed, do.Fail)
    assert isinstance(failed.error, ContentChanged)


def test_a_part_is_fetched_alone_and_more_when_more_is_wanted() -> None:
    download = seed()
    download.handle(it.WantedChanged((ByteRange(0, 10),)), 0.0)
    download.handle(it.Started(offer=OFFER), 0.0)
    download.handle(it.OriginGranted(), 0.0)
    (run,) = of(do.FetchRun, download.handle(it.CandidatesNamed(()), 0.0))
    assert isinstance(run, do.FetchRun)
    assert (run.first, run.until) == (0, 1)
    download.handle(it.OriginRunEnded(run.transfer), 0.1)
    done = download.handle(it.UnitArrived(run.transfer, 0, MIB, b"0" * 16, 0.0), 0.1)
    assert do.Succeed(whole=False) in done
    more = download.handle(it.WantedChanged(None), 0.2)
    assert [(c.first, c.until) for c in more if isinstance(c, do.FetchRun)] == [(1, 8)]


def test_a_host_that_stood_still_itself_does_not_lose_patience_with_the_others() -> None:
    download = fetching_node()
    for moment in (0.5, 1.0, 1.5):
        download.handle(it.Ticked(), moment)
    assert not of(do.Fail, download.handle(it.Ticked(), 600.0))
    ended = [download.handle(it.Ticked(), 600.0 + 0.5 * step) for step in range(1, 125)]
    assert sum(len(of(do.Fail, commands)) for commands in ended) == 1


def test_a_seed_whose_disk_is_full_is_left_for_another() -> None:
    download = fetching_node()
    commands = download.handle(it.ParentRefused("seed", NoSpace("no disk has room")), 1.0)
    assert do.LeaveParent("seed") in commands
    assert of(do.Reschedule, commands)
    assert not of(do.Fail, commands)


def test_a_download_that_is_superseded_fails_even_before_it_began() -> None:
    for download in (node(), fetching_node()):
        (failed,) = of(do.Fail, download.handle(it.Superseded(), 1.0))
        assert isinstance(failed, do.Fail)
        assert isinstance(failed.error, ContentChanged)


def test_nobody_is_joined_for_what_is_here_already() -> None:
    download = node()
    download.handle(it.WantedChanged((ByteRange(0, 10),)), 0.0)
    download.handle(it.Started(1, OFFER), 0.0)
    assert download.state == "satisfied"
    assert download.handle(it.CandidatesNamed((SEED,)), 0.1) == []
    assert do.JoinParent(SEED) in download.handle(it.WantedChanged(None), 0.2)


def test_an_empty_blob_is_complete_once_it_is_described() -> None:
    download = node()
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((SEED,)), 0.0)
    empty = it.Offer(Geometry.for_size(0))
    assert do.CheckContent() in download.handle(it.ParentJoined("seed", empty, 0, {}), 0.0)


def test_starving_asks_for_other_parents_and_ends_in_an_error() -> None:
    download = fetching_node()
    assert of(do.Reschedule, download.handle(it.Ticked(), 2.5))
    assert not of(do.Reschedule, download.handle(it.Ticked(), 3.0))
    later = [c for half in range(7, 125) for c in download.handle(it.Ticked(), half / 2)]
    (failed,) = of(do.Fail, later)
    assert isinstance(failed, do.Fail)
    assert isinstance(failed.error, TimedOut)
    assert download.handle(it.Ticked(), 62.0) == []


def test_only_a_download_of_all_units_will_be_verified_as_a_whole() -> None:
    download = fetching_node()
    assert download.will_be_whole
    download.handle(it.WantedChanged((ByteRange(4 * MIB, 8 * MIB),)), 1.0)
    assert not download.will_be_whole
    ranges = (ByteRange(0, 5 * MIB), ByteRange(4 * MIB, 8 * MIB))
    download.handle(it.WantedChanged(ranges), 2.0)
    assert download.will_be_whole
