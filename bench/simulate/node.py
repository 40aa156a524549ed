"""A simulated host: the real download machine as a child, the real slots as a parent."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from bench.simulate.fluid import Flow
from dfcore.errors import PeerBroken
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.machine import Download
from dfdaemon.task.policy import TaskPolicy
from dfdaemon.upload.slots import Budget, Grant, ParentSlots, SeedTask, Waiting
from scheduler import events as ev

if TYPE_CHECKING:
    from bench.simulate.clock import Alarm
    from bench.simulate.exact import World

TASK = "f" * 64
TICK_S = 0.5
MAX_TRANSFERS = 64


@dataclass(slots=True)
class Transfer:
    """A request of ours and what has become of it."""

    parent: Node | None
    flow: Flow | None = None
    ticket: int | None = None
    unit: int = -1
    cancelled: bool = False


class Node:
    """One host. ``post`` lets its machine decide; the rest performs what it commands."""

    def __init__(
        self, world: World, host_id: str, index: int, policy: TaskPolicy, up: int, down: int
    ) -> None:
        self.host_id = host_id
        self.peer_id = f"{host_id}/p"
        self.index = index
        self.up_link = up
        self.down_link = down
        self.is_seed = index < 0
        self.dead = False
        self.done_at = float("inf")
        self.tenth_at: float | None = None
        self.lag_s = 0.0
        self._world = world
        self._policy = policy
        self._rng = Random(world.rng.random())
        self._machine: Download | None = None
        self._whole = 0
        self._children: dict[Node, str] = {}
        self._joined: dict[str, Node] = {}
        self._transfers: dict[int, Transfer] = {}
        self._alarm: Alarm | None = None
        self._frontier = 0
        self._reported_pieces: set[int] = set()
        budget = Budget(MAX_TRANSFERS)
        self._slots = ParentSlots(world.scenario.slots, budget)
        self._seeding = SeedTask(world.scenario.seed_slots, budget)
        self._tickets: dict[int, tuple[Node, int]] = {}
        self._next_ticket = 0

    @property
    def held(self) -> int:
        machine = self._machine
        if self._whole or machine is None or machine.planner is None:
            return self._whole
        return machine.planner.held

    @property
    def wanting(self) -> bool:
        """It lives and lacks something."""
        return not self.dead and self.done_at == float("inf")

    @property
    def described(self) -> bool:
        return bool(self._whole) or (self._machine is not None and self._machine.offer is not None)

    # Life

    def hold_everything(self) -> None:
        """It has had the blob since before the run."""
        scenario = self._world.scenario
        self._whole = (1 << scenario.units) - 1
        blob = ev.HeldBlob(TASK, self.peer_id, scenario.size_bytes, complete=True)
        self._world.report(ev.BlobsAnnounced(self.host_id, (blob,), replace=True))

    def start(self) -> None:
        if self._machine is not None or self.dead:
            return
        self._machine = Download(self._policy, self._rng)
        self._world.clock.after(TICK_S, self._tick)
        self.post(it.Started())

    def _tick(self) -> None:
        if self._machine is not None and not self._machine.over and not self.dead:
            self._world.clock.after(TICK_S, self._tick)
            self.post(it.Ticked())

    def die(self) -> None:
        """Power off: every connection ends, and the others notice."""
        world = self._world
        self.dead = True
        for transfer in list(self._transfers.values()):
            self._stop(transfer)
        for child in list(self._children):
            world.clock.after(world.rng.uniform(*world.scenario.delays.death_s), child.lost, self)
        for parent in self._joined.values():
            parent.left_by(self)
        world.report(ev.StreamClosed(self.peer_id))

    def post(self, event: it.Event) -> None:
        machine = self._machine
        if machine is None or self.dead:
            return
        now = self._world.clock.now
        for command in machine.handle(event, now):
            self._perform(command)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        moment = machine.wake_at(now)
        if moment is not None:
            self._alarm = self._world.clock.at(moment + 0.001, self.post, it.Ticked())

    def _perform(self, command: do.Command) -> None:
        world = self._world
        match command:
            case do.Register():
                wish = ev.Wish(need_back_to_source=self.is_seed)
                world.clock.after(
                    world.request_s(),
                    world.report,
                    ev.PeerRegistered(self.host_id, TASK, self.peer_id, wish),
                )
            case do.Reschedule(bad=bad):
                parents = tuple(ev.BadParent(peer_id) for peer_id in bad)
                world.report(ev.PeerRescheduled(self.peer_id, parents))
            case do.JoinParent(parent=parent):
                world.clock.after(world.request_s(), self._join, parent)
            case do.LeaveParent(parent=parent_id):
                if (left := self._joined.pop(parent_id, None)) is not None:
                    left.left_by(self)
            case do.CreateBlob():
                world.report(ev.PeerStarted(self.peer_id, back_to_source=self.is_seed))
                for child in list(self._children):
                    self._describe_to(child)
            case do.FetchUnit(transfer=number, parent=parent_id, unit=unit):
                transfer = self._transfers[number] = Transfer(self._joined[parent_id], unit=unit)
                world.clock.after(world.request_s(), self._ask_unit, number, transfer)
                world.outcome.asked += 1
            case do.FetchAny(transfer=number, parent=parent_id, wanted_bits=wanted):
                transfer = self._transfers[number] = Transfer(self._joined[parent_id])
                world.clock.after(world.request_s(), self._ask_any, number, transfer, wanted)
            case do.OpenOrigin(transfer=number):
                world.clock.after(world.request_s(), self._open_origin, number)
            case do.FetchRun(transfer=number, first=first, until=until):
                world.clock.after(world.request_s(), self._run, number, first, until)
            case do.CancelTransfer(transfer=number):
                if (stopped := self._transfers.pop(number, None)) is not None:
                    self._stop(stopped)
            case do.CheckContent():
                world.clock.after(0.0, self.post, it.ContentChecked(True, ""))
            case do.Succeed():
                self._succeed()
            case do.Fail(error=error):
                raise error
            case _:
                raise TypeError(f"not simulated: {command!r}")

    def _succeed(self) -> None:
        world = self._world
        self._whole = (1 << world.scenario.units) - 1
        self.done_at = world.clock.now
        world.report(ev.PeerFinished(self.peer_id, back_to_source=self.is_seed))
        for child in list(self._children):
            world.clock.after(world.news_s(), child.hear, self, 0, True)
        if self.is_seed:
            self._refresh_seeding()
        elif world.scenario.leave_when_done:
            self.die()

    # Parents and children

    def _join(self, address: it.ParentAddress) -> None:
        parent = self._world.by_host[address.host_id]
        if parent.dead:
            self.post(it.ParentLost(address.peer_id, "it is dead"))
            return
        self._joined[address.peer_id] = parent
        parent.joined_by(self, address.peer_id)

    def joined_by(self, child: Node, called: str) -> None:
        """``child`` knows us as the peer ``called``."""
        self._children[child] = called
        if self.is_seed and not self._whole:
            self.start()
        if self.described:
            self._describe_to(child)
        machine = self._machine
        if machine is not None and not machine.over and (not self.is_seed or child.held):
            self.post(
                it.CandidatesNamed(
                    (it.ParentAddress(child.peer_id, child.host_id, child.host_id, 4005),)
                )
            )

    def _describe_to(self, child: Node) -> None:
        world = self._world
        offer = it.Offer(world.geometry)
        digests = _digests(self.held)
        event = it.ParentJoined(
            self._children[child], offer, self.held, digests, complete=bool(self._whole)
        )
        world.clock.after(world.request_s(), child.post, event)

    def left_by(self, child: Node) -> None:
        """The child is out of the swarm, or does not want us."""
        self._children.pop(child, None)
        for ticket, (waiter, _) in list(self._tickets.items()):
            if waiter is child:
                self._seeding.withdraw(ticket)
                del self._tickets[ticket]
        self._seeding.child_left(child.host_id)
        self._refresh_seeding()

    def lost(self, parent: Node) -> None:
        for peer_id, other in list(self._joined.items()):
            if other is parent:
                del self._joined[peer_id]
                self.post(it.ParentLost(peer_id, "it died"))

    def hear(self, parent: Node, bits: int, complete: bool = False) -> None:
        """The parent has further units."""
        called = parent._children.get(self)
        if called is not None:
            self.post(it.ParentHeld(called, _digests(bits), complete))

    # Requests of ours

    def _ask_unit(self, number: int, transfer: Transfer) -> None:
        parent = transfer.parent
        assert parent is not None
        if transfer.cancelled or self.dead:
            return
        if parent.dead:
            self._transfers.pop(number, None)
            self.post(it.TransferBroken(number, "it is dead"))
        elif not parent.held >> transfer.unit & 1:
            del self._transfers[number]
            self.post(it.TransferEmpty(number))
        elif not parent._slots.try_take(TASK, self.host_id):
            del self._transfers[number]
            self._world.outcome.refused += 1
            self.post(it.TransferRefused(number))
        else:
            self._receive(number, transfer)

    def _ask_any(self, number: int, transfer: Transfer, wanted: int) -> None:
        if not transfer.cancelled and not self.dead:
            assert transfer.parent is not None
            transfer.parent.queue(self, number, transfer, wanted)

    def granted(self, number: int, unit: int) -> bool:
        """The seed chose a unit; False if it is not wanted any more."""
        machine = self._machine
        transfer = self._transfers[number]
        transfer.unit = unit
        if machine is None or not machine.claim(number, unit):
            del self._transfers[number]
            self._world.outcome.wasted += 1
            self._world.clock.after(0.0, self.post, it.TransferEmpty(number))
            return False
        self._receive(number, transfer)
        return True

    def hopeless(self, number: int) -> None:
        del self._transfers[number]
        self._world.clock.after(0.0, self.post, it.TransferEmpty(number))

    def _receive(self, number: int, transfer: Transfer) -> None:
        parent, world = transfer.parent, self._world
        assert parent is not None
        weight = world.weight(parent.up_link, self.down_link)
        size = world.geometry.unit_range(transfer.unit).size

        def done() -> None:
            del self._transfers[number]
            parent.sent(transfer, self, delivered=True)
            self._arrived(number, transfer.unit)

        transfer.flow = Flow(parent.up_link, self.down_link, size, weight, done)
        world.begin(transfer.flow)

    def _arrived(self, number: int, unit: int) -> None:
        world = self._world
        length = world.geometry.unit_range(unit).size
        self.post(it.UnitArrived(number, unit, length, b"", 0.0))
        for child in list(self._children):
            world.clock.after(world.news_s(), child.hear, self, 1 << unit)
        if self.is_seed:
            self._refresh_seeding()
        self._follow(unit)

    def _follow(self, unit: int) -> None:
        """A reader goes on; the scheduler hears of whole pieces."""
        world, held = self._world, self.held
        frontier = (~held & (held + 1)).bit_length() - 1
        if frontier > self._frontier:
            self._frontier = frontier
            if world.scenario.reader:
                self.post(it.ReaderWaited(frontier * world.geometry.unit_length))
        since = world.clock.now - world.scenario.arrives(self.index) if not self.is_seed else 0.0
        lacking_at_line_speed = since - frontier * world.scenario.unit_s
        if frontier < world.scenario.units:
            self.lag_s = max(self.lag_s, lacking_at_line_speed)
        if self.tenth_at is None and frontier * 10 >= world.scenario.units:
            self.tenth_at = since
        piece = world.geometry.piece_of_unit(unit)
        if piece not in self._reported_pieces:
            units = world.geometry.units_of_piece(piece)
            if all(held >> u & 1 for u in units):
                self._reported_pieces.add(piece)
                size = world.geometry.piece_range(piece).size
                world.report(ev.PieceFinished(self.peer_id, size, back_to_source=self.is_seed))

    def _stop(self, transfer: Transfer) -> None:
        transfer.cancelled = True
        if transfer.flow is not None:
            self._world.stop(transfer.flow)
            if transfer.parent is not None:
                transfer.parent.sent(transfer, self, delivered=False)
        elif transfer.ticket is not None and transfer.parent is not None:
            transfer.parent.withdraw(transfer.ticket)

    # Requests of others

    def sent(self, transfer: Transfer, child: Node, *, delivered: bool) -> None:
        """A transfer from here is over."""
        if transfer.ticket is None:
            self._slots.release(TASK, child.host_id)
        else:
            self._seeding.ended(transfer.ticket, delivered=delivered)
            self._refresh_seeding()

    def queue(self, child: Node, number: int, transfer: Transfer, wanted: int) -> None:
        transfer.ticket = ticket = self._next_ticket
        self._next_ticket += 1
        self._tickets[ticket] = (child, number)
        self._seeding.ask(Waiting(ticket, child.host_id, wanted))
        self._refresh_seeding()

    def withdraw(self, ticket: int) -> None:
        if self._tickets.pop(ticket, None) is not None:
            self._seeding.withdraw(ticket)

    def _refresh_seeding(self) -> None:
        task = self._seeding
        if task.idle:
            return
        task.held = self.held
        task.fetching = not self._whole and bool(self._machine and not self._machine.over)
        for decision in task.decide():
            child, number = self._tickets.pop(decision.number)
            if not isinstance(decision, Grant):
                child.hopeless(number)
            elif not child.granted(number, decision.unit):
                task.ended(decision.number, delivered=False)
                self._world.clock.after(0.0, self._refresh_seeding)

    # The origin

    def _open_origin(self, number: int) -> None:
        machine = self._machine
        assert machine is not None
        self._transfers[number] = Transfer(None)
        self.post(it.OriginOpened(it.Offer(self._world.geometry), True))
        assert machine.planner is not None
        bits = machine.planner.flights[number].bits
        self._transfers.pop(number)
        self._run(number, 0, bits.bit_length())

    def _run(self, number: int, first: int, until: int) -> None:
        """A run of consecutive units over one connection."""
        world = self._world
        assert world.origin_link is not None
        transfer = self._transfers[number] = Transfer(None, unit=first)
        size = world.geometry.unit_range(first).size

        def done() -> None:
            self.post(it.UnitArrived(number, transfer.unit, int(size), b"", 0.0))
            self._arrived_from_origin(transfer.unit)
            if transfer.unit + 1 < until and not transfer.cancelled:
                self._run(number, transfer.unit + 1, until)
            elif self._transfers.pop(number, None):
                self.post(it.OriginRunEnded(number))

        weight = world.weight(world.origin_link, self.down_link)
        transfer.flow = Flow(world.origin_link, self.down_link, size, weight, done)
        world.begin(transfer.flow)

    def _arrived_from_origin(self, unit: int) -> None:
        world = self._world
        for child in list(self._children):
            world.clock.after(world.news_s(), child.hear, self, 1 << unit)
        self._refresh_seeding()
        self._follow(unit)


def _digests(bits: int) -> dict[int, bytes]:
    """Empty digests for the units, since nothing is verified here."""
    found: dict[int, bytes] = {}
    while bits:
        low = bits & -bits
        found[low.bit_length() - 1] = b""
        bits ^= low
    return found


__all__ = ["Node", "PeerBroken"]
