"""A download among parents that refuse, break, lie and die: whatever happens, it ends rightly.

Hypothesis chooses what the world answers to each command. As long as one honest source is left, the
download completes once the faults stop, and at no time does it break its own rules.
"""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dfcore.digest import Digest
from dfcore.errors import OriginBroken
from dfcore.pieces import Geometry
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.machine import Download
from dfdaemon.task.origin_runs import OriginPolicy
from dfdaemon.task.policy import TaskPolicy

MIB = 1 << 20
SHA = Digest("sha256", "cd" * 32)
OFFER = it.Offer(Geometry(24 * MIB, 4 * MIB, MIB))
UNITS = OFFER.geometry.unit_count
ALL = (1 << UNITS) - 1


def digest_of(unit: int) -> bytes:
    return bytes([unit]) * 16


class World:
    """Parents, an origin and a scheduler as hypothesis wants them."""

    def __init__(self, data: st.DataObject, *, is_seed: bool, faults: int) -> None:
        self.data = data
        self.faults = faults
        self.now = 0.0
        self.policy = TaskPolicy(origin=OriginPolicy(first=is_seed, attempts=1000), patience_s=1e9)
        self.download = Download(self.policy, Random(7), digest=SHA)
        self.is_seed = is_seed
        self.open: list[do.Command] = []
        self.cancelled: set[int] = set()
        self.names = 0
        self.ended: do.Command | None = None
        self.mismatches = 0
        # Of its own bytes a host that goes to the origin thinks twice, not three times.
        self.most_mismatches = 1 if is_seed else 2

    def new_parent(self, *, seed: bool = False) -> it.ParentAddress:
        self.names += 1
        name = f"{'seed' if seed else 'peer'}{self.names}"
        return it.ParentAddress(name, f"host-{name}", "127.0.0.1", 4005, seed=seed)

    def tell(self, event: it.Event) -> None:
        for command in self.download.handle(event, self.now):
            self.take(command)
        self.check()

    def take(self, command: do.Command) -> None:
        match command:
            case do.CancelTransfer(transfer=number):
                self.cancelled.add(number)
            case do.Succeed(whole=True) | do.Fail():
                assert self.ended is None
                self.ended = command
            case do.ForgetUnits():
                assert self.download.planner is not None
                assert not self.download.planner.held
            case do.LeaveParent() | do.CreateBlob() | do.ReportBadParent() | do.Succeed():
                pass
            case _:
                self.open.append(command)

    def check(self) -> None:
        planner = self.download.planner
        if planner is None:
            return
        named = [f for f in planner.flights.values() if f.bits]
        bits = 0
        for flight in named:
            assert not bits & flight.bits, "one unit is in flight twice"
            bits |= flight.bits
        from_peers = [f for f in planner.flights.values() if f.parent and not f.any_of]
        assert len(from_peers) <= self.policy.plan.downloads
        assert all(view.flying >= 0 for view in planner.parents.values())
        for view in planner.parents.values():
            flights = [f for f in planner.flights.values() if f.parent == view.address.peer_id]
            assert view.flying == len(flights)

    def fault(self) -> bool:
        """Does this step go wrong?"""
        if self.faults <= 0:
            return False
        self.faults -= 1
        return self.data.draw(st.booleans(), label="fault")

    def step(self) -> None:
        if not self.open:
            self.now += 0.3
            self.tell(it.Ticked())
            return
        index = self.data.draw(st.integers(0, len(self.open) - 1), label="which")
        self.answer(self.open.pop(index))

    def answer(self, command: do.Command) -> None:
        match command:
            case do.Register() | do.Reschedule():
                self.tell(it.CandidatesNamed((self.new_parent(seed=not self.is_seed),)))
                if self.is_seed:
                    self.tell(it.OriginGranted())
            case do.JoinParent(parent=parent):
                self.join(parent)
            case do.FetchAny(transfer=number, parent=parent):
                self.fetch_any(number, parent)
            case do.FetchUnit(transfer=number, parent=parent, unit=unit):
                self.fetch(number, parent, unit)
            case do.FetchRun(transfer=number):
                self.run(number, command.first, command.until)
            case do.OpenOrigin(transfer=number):
                self.tell(it.OriginOpened(OFFER, True))
                self.run(number, 0, 16)
            case do.CheckContent():
                wrong = self.mismatches < self.most_mismatches and self.data.draw(st.booleans())
                self.mismatches += wrong
                self.tell(it.ContentChecked(not wrong, str(SHA)))
            case _:
                raise AssertionError(f"unexpected {command}")

    def join(self, parent: it.ParentAddress) -> None:
        if self.fault():
            self.tell(it.ParentLost(parent.peer_id, "no route"))
            return
        held = ALL if parent.seed else self.data.draw(st.integers(0, ALL), label="held")
        digests = {u: digest_of(u) for u in range(UNITS) if held >> u & 1}
        self.tell(it.ParentJoined(parent.peer_id, OFFER, held, digests))
        if not parent.seed or not self.fault():
            return
        self.tell(it.CandidatesNamed((self.new_parent(),)))

    def fetch_any(self, number: int, parent: str) -> None:
        if number in self.cancelled:
            return
        planner = self.download.planner
        assert planner is not None
        free = [u for u in range(UNITS) if planner.needed >> u & 1]
        if not free:
            self.tell(it.TransferEmpty(number))
            return
        unit = self.data.draw(st.sampled_from(free), label="unit")
        assert self.download.claim(number, unit)
        self.fetch(number, parent, unit)

    def fetch(self, number: int, parent: str, unit: int) -> None:
        if number in self.cancelled:
            return
        if self.fault():
            kind = self.data.draw(st.integers(0, 5), label="kind")
            self.tell(
                (
                    it.TransferRefused(number),
                    it.TransferEmpty(number),
                    it.TransferBroken(number, "reset"),
                    it.TransferCorrupt(number),
                    it.ParentLost(parent, "died"),
                    it.ParentJoined(parent, OFFER, 0, {}),
                )[kind]
            )
            return
        self.tell(it.UnitArrived(number, unit, MIB, digest_of(unit), 0.1))

    def run(self, number: int, first: int, until: int) -> None:
        for unit in range(first, until):
            if number in self.cancelled:
                return
            if self.fault():
                self.tell(it.OriginRunEnded(number, OriginBroken("cut")))
                return
            self.tell(it.UnitArrived(number, unit, MIB, digest_of(unit), 0.0))
        self.tell(it.OriginRunEnded(number))


@given(st.data(), st.booleans(), st.integers(0, 30))
def test_a_download_ends_rightly_whatever_its_parents_do(
    data: st.DataObject, is_seed: bool, faults: int
) -> None:
    world = World(data, is_seed=is_seed, faults=faults)
    world.tell(it.Started())
    for _ in range(2000):
        if world.ended is not None:
            break
        world.step()
    assert world.ended == do.Succeed(whole=True)
    assert world.download.planner is not None
    assert world.download.planner.held == ALL
