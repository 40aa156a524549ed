"""The schedulers that this host knows: which one is a task's, which answer, which are plain ones.

The task's scheduler is the one that a consistent hash of the id names, among those that answer; the
next one on the ring takes over. What is said to it about one task is in ``session``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dfcore.errors import Unavailable
from dfcore.hashring import HashRing
from dfdaemon.control.held import announce_held
from dfdaemon.control.ring import SchedulerRing
from dfdaemon.control.session import SchedulerSession
from dfdaemon.task import events as it
from dfdaemon.task.spec import TaskSpec
from dfinfra.pb import scheduler_pb2_grpc
from dfinfra.rpc.channels import Channels

DOWN_S = 15.0
"""It is tried again after this, or as soon as it takes an announcement (``announce``)."""
HEALTH_TIMEOUT_S = 1.5
GONE = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)

Post = Callable[[it.Event], None]


class SchedulerClient:
    """The schedulers that this host knows, and which of them answer."""

    def __init__(self, addresses: Sequence[str], channels: Channels, host_id: str) -> None:
        self.addresses = tuple(addresses)
        self.host_id = host_id
        self._channels = channels
        self._names: Mapping[str, str] = {}
        self._ring = SchedulerRing(self.addresses)
        self._down_until: dict[str, float] = {}
        self._away_since: float | None = None
        self._unknown: dict[str, asyncio.Event] = {}
        self._plain: set[str] = set()
        self._stubs: dict[str, tuple[grpc.aio.Channel, scheduler_pb2_grpc.SchedulerStub]] = {}
        self._listeners: list[Callable[[], None]] = []
        self.seeds: tuple[it.ParentAddress, ...] = ()

    def on_addresses(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when the schedulers have become others."""
        self._listeners.append(listener)

    def set_addresses(
        self, addresses: Sequence[str], names: Mapping[str, str] | None = None
    ) -> None:
        """The manager tells of other schedulers. Sessions that are open stay where they are.

        ``names``: of the hosts at the addresses, by which the ring is made.
        """
        fresh, names = tuple(addresses), names or {}
        if (fresh, names) == (self.addresses, self._names):
            return
        self._names, self._ring = names, SchedulerRing(fresh, names)
        if fresh == self.addresses:
            return
        for address in set(self.addresses) - set(fresh):
            self._down_until.pop(address, None)
            self._unknown.pop(address, None)
            self._plain.discard(address)
            self._stubs.pop(address, None)
        self.addresses, self._away_since = fresh, None
        for listener in self._listeners:
            listener()

    def known_seed(self, task_id: str) -> tuple[it.ParentAddress, ...]:
        """The seed that any host would ask for the task while no scheduler answers."""
        if not self.seeds:
            return ()
        by_host = {seed.host_id: seed for seed in self.seeds}
        (host_id,) = HashRing(sorted(by_host)).get(task_id, 1)
        seed = by_host[host_id]
        return (replace(seed, peer_id=f"{host_id}-{task_id[:12]}"),)

    def session(self, spec: TaskSpec, peer_id: str, post: Post) -> SchedulerSession:
        return SchedulerSession(self, spec, peer_id, post)

    def stub(self, address: str) -> scheduler_pb2_grpc.SchedulerStub:
        # One has some thirty methods to make, and every download asks for it.
        channel = self._channels.get(address)
        made_for, stub = self._stubs.get(address, (None, None))
        if stub is None or made_for is not channel:
            stub = scheduler_pb2_grpc.SchedulerStub(channel)
            self._stubs[address] = (channel, stub)
        return stub

    def choose(self, task_id: str) -> str | None:
        """The task's scheduler among those not known to be down; None if there is none at all."""
        if not self.addresses:
            return None
        now = asyncio.get_running_loop().time()
        order = self._ring.get(task_id)
        up = [address for address in order if self._down_until.get(address, 0.0) <= now]
        return up[0] if up else None

    def must_choose(self, task_id: str) -> str:
        """The task's scheduler; raises Unavailable if there is none."""
        address = self.choose(task_id)
        if address is None:
            raise Unavailable("no scheduler answers")
        return address

    async def announce_held(self, spec: TaskSpec, peer_id: str) -> None:
        """Tell the task's scheduler that this host has all of it, if it is one that must be told."""
        address = self.choose(spec.task_id)
        if address is not None and self.may_tell(address, spec) and self.is_plain(address):
            await announce_held(self.stub(address), self.host_id, spec, peer_id)

    def is_plain(self, address: str) -> bool:
        """It is Dragonfly's own scheduler, which knows nothing of what we add."""
        return address in self._plain

    def note_plain(self, address: str, plain: bool) -> None:
        """The scheduler was seen to be (or not to be) a plain one."""
        (self._plain.add if plain else self._plain.discard)(address)

    def may_tell(self, address: str, spec: TaskSpec) -> bool:
        """May the scheduler hear of the task?

        A plain one keeps what it hears and sends plain seeds after it, who could not have restricted
        content, nor bring it to us; and content of unknown size is to it content of none.
        """
        if not self.is_plain(address):
            return True
        return not spec.restricted and spec.size_bytes is not None

    def unknown_at(self, address: str) -> asyncio.Event:
        """Set when the scheduler said that it does not know this host: it was restarted."""
        return self._unknown.setdefault(address, asyncio.Event())

    def list_anew(self) -> None:
        """Have every scheduler told of all that this host holds."""
        for address in self.addresses:
            self.unknown_at(address).set()

    async def is_there(self, address: str) -> bool:
        """Whether the scheduler says so when asked for its health."""
        stub = health_pb2_grpc.HealthStub(self._channels.get(address))
        try:
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return error.code() not in GONE
        return True

    def mark_down(self, address: str) -> None:
        """Ask others for a while, or until it takes an announcement, which is tried at once.

        A download may say so late, when the scheduler is back and knows this host already.
        """
        self.unknown_at(address).set()
        now = asyncio.get_running_loop().time()
        self._down_until[address] = now + DOWN_S
        if self._away_since is None and self._down_until.keys() >= set(self.addresses):
            self._away_since = now

    def mark_up(self, address: str) -> None:
        self._down_until.pop(address, None)
        self._away_since = None

    def away_s(self) -> float:
        """For how long none of the schedulers has answered; 0 as long as one may."""
        if self._away_since is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._away_since
