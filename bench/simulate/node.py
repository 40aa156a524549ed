"""A simulated host: the real download machine as a child, `upload` as a parent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from bench.simulate.fluid import Flow
from bench.simulate.news import News
from bench.simulate.upload import TASK, Upload
from dfcore.bitmap import lowest, units_of
from dfdaemon.fetch.receive import EBB_SIZE
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.machine import Download
from dfdaemon.task.policy import TaskPolicy
from scheduler import events as ev

if TYPE_CHECKING:
    from bench.simulate.clock import Alarm
    from bench.simulate.exact import World

TICK_S = 0.5


@dataclass(slots=True)
class Transfer:
    """A request of ours and what has become of it; no ``parent`` is the origin."""

    parent: Node | None
    unit: int = -1
    flow: Flow | None = None
    ticket: int | None = None
    cancelled: bool = False


class Node:
    """One host; ``index`` is negative for the seed. ``post`` lets its machine decide."""

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
        scenario = world.scenario
        self.upload = Upload(
            scenario.slots,
            scenario.seed_slots,
            lambda: (self.held, not self._whole and self._fetches),
            self._soon,
        )
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
        self._whole_pieces: set[int] = set()
        self._news: News[Node] = News(world.clock, self._tell)

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
    def _fetches(self) -> bool:
        return self._machine is not None and not self._machine.over

    def _soon(self, action: Callable[[], None]) -> None:
        self._world.clock.after(0.0, action)

    # Life

    def hold_everything(self) -> None:
        """It has had the blob since before the run."""
        scenario = self._world.scenario
        self._whole = (1 << scenario.units) - 1
        blob = ev.HeldBlob(TASK, self.peer_id, scenario.size_bytes, complete=True)
        self._world.report(ev.BlobsAnnounced(self.host_id, (blob,), replace=True))

    def start(self) -> None:
        if self._machine is None and not self.dead:
            self._machine = Download(self._policy, self._rng)
            self._world.clock.after(TICK_S, self._tick)
            self.post(it.Started())

    def _tick(self) -> None:
        if self._fetches and not self.dead:
            self._world.clock.after(TICK_S, self._tick)
            self.post(it.Ticked())

    def die(self) -> None:
        """Power off: every connection ends, and the others notice."""
        if self.dead:
            return
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
            case do.FetchUnit(transfer=number, parent=parent_id, unit=unit):
                transfer = self._transfers[number] = Transfer(self._joined[parent_id], unit)
                world.outcome.asked += 1
                world.send(self._ask_unit, number, transfer)
            case do.FetchAny(transfer=number, parent=parent_id, wanted_bits=wanted):
                transfer = self._transfers[number] = Transfer(self._joined[parent_id])
                world.send(self._ask_any, number, transfer, wanted)
            case do.OpenOrigin(transfer=number):
                world.send(self._open_origin, number)
            case do.FetchRun(transfer=number, first=first, until=until):
                world.send(self._run, number, first, until)
            case do.CancelTransfer(transfer=number):
                if (stopped := self._transfers.pop(number, None)) is not None:
                    self._stop(stopped)
            case do.Register():
                wish = ev.Wish(need_back_to_source=self.is_seed)
                registered = ev.PeerRegistered(self.host_id, TASK, self.peer_id, wish)
                world.send(world.report, registered)
            case do.Reschedule(bad=bad):
                parents = tuple(ev.BadParent(peer_id) for peer_id in bad)
                world.outcome.starved += not bad
                world.report(ev.PeerRescheduled(self.peer_id, parents))
            case do.JoinParent(parent=parent):
                world.send(self._join, parent)
            case do.LeaveParent(parent=parent_id):
                if (left := self._joined.pop(parent_id, None)) is not None:
                    left.left_by(self)
            case do.CreateBlob():
                world.report(ev.PeerStarted(self.peer_id, back_to_source=self.is_seed))
                for child in list(self._children):
                    self._describe_to(child)
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
            self.upload.refresh()
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
        machine = self._machine
        if self._whole or (machine is not None and machine.offer is not None):
            self._describe_to(child)
        if self._fetches and (not self.is_seed or child.held):
            address = it.ParentAddress(child.peer_id, child.host_id, child.host_id, 4005)
            self.post(it.CandidatesNamed((address,)))

    def _describe_to(self, child: Node) -> None:
        world, held = self._world, self.held
        offer = it.Offer(world.geometry)
        called = self._children[child]
        complete = bool(self._whole)
        world.send(child.post, it.ParentJoined(called, offer, held, _digests(held), complete))

    def left_by(self, child: Node) -> None:
        """The child is out of the swarm, or does not want us."""
        self._children.pop(child, None)
        self.upload.child_left(child)

    def lost(self, parent: Node) -> None:
        """The connection to the parent broke."""
        for peer_id, other in list(self._joined.items()):
            if other is parent:
                del self._joined[peer_id]
                self.post(it.ParentLost(peer_id, "it died"))

    def hear(self, parent: Node, bits: int, complete: bool = False) -> None:
        """The parent has further units."""
        called = parent._children.get(self)
        if called is not None:
            self.post(it.ParentHeld(called, _digests(bits), complete))

    # Requests

    def _ask_unit(self, number: int, transfer: Transfer) -> None:
        parent = transfer.parent
        assert parent is not None
        if transfer.cancelled or self.dead:
            return
        if parent.dead:
            self._drop(number, it.TransferBroken(number, "it is dead"))
        elif not parent.held >> transfer.unit & 1:
            self._drop(number, it.TransferEmpty(number))
        elif not parent.upload.try_take(self):
            self._world.outcome.refused += 1
            self._drop(number, it.TransferRefused(number))
        else:
            self._receive(number, transfer)

    def _drop(self, number: int, event: it.Event) -> None:
        del self._transfers[number]
        self.post(event)

    def _ask_any(self, number: int, transfer: Transfer, wanted: int) -> None:
        if not transfer.cancelled and not self.dead:
            assert transfer.parent is not None
            transfer.parent.upload.queue(self, number, transfer, wanted)

    def granted(self, number: int, unit: int) -> bool:
        """The seed chose a unit; False if it is not wanted any more."""
        machine, transfer = self._machine, self._transfers[number]
        transfer.unit = unit
        if machine is None or not machine.claim(number, unit):
            self._world.outcome.wasted += 1
            self.hopeless(number)
            return False
        self._receive(number, transfer)
        return True

    def hopeless(self, number: int) -> None:
        """The parent has nothing of what was asked."""
        del self._transfers[number]
        self._world.clock.after(0.0, self.post, it.TransferEmpty(number))

    def _receive(self, number: int, transfer: Transfer) -> None:
        parent, world = transfer.parent, self._world
        assert parent is not None

        size = world.geometry.unit_range(transfer.unit).size
        rest = min(EBB_SIZE, size)

        def done() -> None:
            del self._transfers[number]
            parent.upload.ended(transfer, self, delivered=True)
            self._arrived(number, transfer.unit)

        def ebbed() -> None:
            assert transfer.flow is not None
            transfer.flow = Flow(parent.up_link, self.down_link, rest, transfer.flow.weight, done)
            world.begin(transfer.flow)
            self.post(it.TransferEbbed(number))

        self._flow(transfer, parent.up_link, size - rest, ebbed)

    def _flow(
        self, transfer: Transfer, up_link: int, size_bytes: int, done: Callable[[], None]
    ) -> None:
        weight = self._world.weight(up_link, self.down_link)
        transfer.flow = Flow(up_link, self.down_link, size_bytes, weight, done)
        self._world.begin(transfer.flow)

    def _stop(self, transfer: Transfer) -> None:
        transfer.cancelled = True
        if transfer.flow is not None:
            self._world.stop(transfer.flow)
            if transfer.parent is not None:
                transfer.parent.upload.ended(transfer, self, delivered=False)
        elif transfer.ticket is not None and transfer.parent is not None:
            transfer.parent.upload.withdraw(transfer.ticket)

    # The origin

    def _open_origin(self, number: int) -> None:
        machine = self._machine
        assert machine is not None
        self.post(it.OriginOpened(it.Offer(self._world.geometry), True))
        assert machine.planner is not None
        self._run(number, 0, machine.planner.flights[number].bits.bit_length())

    def _run(self, number: int, unit: int, until: int) -> None:
        """A run of consecutive units over one connection."""
        world = self._world
        assert world.origin_link is not None
        transfer = self._transfers[number] = Transfer(None, unit)

        def done() -> None:
            self._arrived(number, unit)
            if unit + 1 < until and not transfer.cancelled:
                self._run(number, unit + 1, until)
            elif self._transfers.pop(number, None):
                self.post(it.OriginRunEnded(number))

        self._flow(transfer, world.origin_link, world.geometry.unit_range(unit).size, done)

    # Units

    def _arrived(self, number: int, unit: int) -> None:
        world = self._world
        length = world.geometry.unit_range(unit).size
        self.post(it.UnitArrived(number, unit, length, b"", 0.0))
        machine = self._machine
        for child in self._children:
            lacks = machine is None or not machine.holds(child.host_id, (unit,))
            self._news.tell(child, 1 << unit, urgent=lacks)
        if self.is_seed:
            self.upload.refresh()
        self._tell_reader()
        self._tell_scheduler(unit)

    def _tell(self, child: Node, bits: int) -> None:
        self._world.clock.after(self._world.news_s(), child.hear, self, bits)

    def _tell_reader(self) -> None:
        """A client reads as soon as bytes come in order."""
        world, held = self._world, self.held
        frontier = lowest(~held)
        if frontier > self._frontier:
            self._frontier = frontier
            if world.scenario.reader:
                self.post(it.ReaderWaited(frontier * world.geometry.unit_length))
        since = world.clock.now - (0.0 if self.is_seed else world.scenario.arrives(self.index))
        if frontier < world.scenario.units:
            self.lag_s = max(self.lag_s, since - frontier * world.scenario.unit_s)
        if self.tenth_at is None and frontier * 10 >= world.scenario.units:
            self.tenth_at = since

    def _tell_scheduler(self, unit: int) -> None:
        """Whole pieces are reported, once each."""
        world, held = self._world, self.held
        piece = world.geometry.piece_of_unit(unit)
        if piece not in self._whole_pieces and all(
            held >> other & 1 for other in world.geometry.units_of_piece(piece)
        ):
            self._whole_pieces.add(piece)
            size = world.geometry.piece_range(piece).size
            world.report(ev.PieceFinished(self.peer_id, size, back_to_source=self.is_seed))


def _digests(bits: int) -> dict[int, bytes]:
    """Empty digests for the units, since nothing is verified here."""
    return dict.fromkeys(units_of(bits), b"")
