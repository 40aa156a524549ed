"""The last answers of all schedulers as one picture. Pure: answers and time in, figures out."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from itertools import chain

from manager.observe.alarms import Alarm, find_alarms, host_alarms
from manager.observe.history import History
from manager.observe.model import Host, Note, Swarm, Target, Task, Traffic

SILENT_AFTER = 3
"""A scheduler that failed so many questions in a row is an alarm."""
_NOTES_KEPT = 512


class Station:
    """What is known of one scheduler."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.swarm: Swarm | None = None
        self.hosts: tuple[Host, ...] = ()
        self.failures = 0
        self.problem = ""
        self.mute = False
        """It cannot tell anything: no fault, and no news."""
        self.answered_at = 0.0
        self.hosts_at = 0.0
        self.last_note = 0

    @property
    def silent(self) -> bool:
        return self.failures >= SILENT_AFTER

    @property
    def state(self) -> str:
        """One word: waiting, answering, mute or silent."""
        if self.mute:
            return "mute"
        if self.silent:
            return "silent"
        return "answering" if self.swarm is not None else "waiting"


@dataclass(frozen=True, slots=True)
class Census:
    """How many hosts there are, and what they do."""

    hosts: int
    seeds: int
    states: tuple[str, ...]
    """Of each host, in the order of `State.hosts`."""
    by_state: dict[str, int]
    disk_total: int
    disk_used: int


class State:
    """Not thread-safe; lives on the loop."""

    def __init__(self) -> None:
        self.stations: dict[str, Station] = {}
        self.history = History()
        self.total = Traffic()
        self.notes: deque[Note] = deque(maxlen=_NOTES_KEPT)
        self.gone: list[Target] = []
        """Schedulers and seeds that went away of late."""
        self.revision = 0
        """Grows with every answer."""
        self._unsampled = Traffic()
        self._measured = self._sampled = 0
        self._hosts: dict[str, Host] | None = None
        self._census: Census | None = None
        self._host_alarms: list[Alarm] | None = None

    # Answers in

    def retarget(self, targets: list[Target]) -> tuple[list[Station], list[Station]]:
        """Schedulers came or went: the new and the gone."""
        self.gone = [target for target in targets if target.gone_at]
        wanted = {target.address: target for target in targets if not target.gone_at}
        lost = [self.stations.pop(name) for name in list(self.stations) if name not in wanted]
        new = []
        for address, target in wanted.items():
            station = self.stations.get(address)
            if station is None:
                station = self.stations[address] = Station(target)
                new.append(station)
            station.target = target
        if lost:
            self._forget_views()
        return new, lost

    def answered(self, station: Station, swarm: Swarm, now: float) -> None:
        before = station.swarm
        known = before.traffic if before and before.boot_id == swarm.boot_id else Traffic()
        moved = swarm.traffic.since(known)
        self.total += moved
        if before is not None:
            # What was moved before we looked for the first time is no rate of this moment.
            self._unsampled += moved
            self._measured += 1
        if before is not None and before.boot_id != swarm.boot_id:
            station.last_note = 0
        for note in swarm.notes:
            if note.number > station.last_note:
                self.notes.append(note)
                station.last_note = note.number
        station.swarm = swarm
        station.failures, station.problem, station.mute = 0, "", False
        station.answered_at = now
        if swarm.hosts is not None:
            station.hosts, station.hosts_at = swarm.hosts, now
            self._forget_views()
        self.revision += 1

    def muted(self, station: Station, problem: str) -> None:
        station.failures, station.problem, station.mute = 0, problem, True
        self.revision += 1

    def failed(self, station: Station, problem: str) -> None:
        station.failures += 1
        station.problem = problem
        self.revision += 1

    def sample(self, now: float) -> None:
        """Close a step of the history, if there was an answer since the last one."""
        if self._sampled == self._measured:
            return
        self._sampled = self._measured
        self.history.add(now, self._unsampled)
        self._unsampled = Traffic()

    def _forget_views(self) -> None:
        self._hosts = self._census = self._host_alarms = None

    # Pictures out

    @property
    def hosts(self) -> dict[str, Host]:
        """By id, seeds first, then by name. A host of several schedulers is told once."""
        if self._hosts is None:
            everyone = chain.from_iterable(station.hosts for station in self.stations.values())
            unique = {host.id: host for host in everyone}
            ordered = sorted(unique.values(), key=lambda host: (not host.seed, host.hostname))
            self._hosts = {host.id: host for host in ordered}
        return self._hosts

    @property
    def census(self) -> Census:
        if self._census is None:
            hosts = self.hosts.values()
            states = tuple(host.state for host in hosts)
            self._census = Census(
                hosts=len(self.hosts),
                seeds=sum(host.seed for host in hosts),
                states=states,
                by_state=dict(Counter(states)),
                disk_total=sum(host.disk_total for host in hosts),
                disk_used=sum(host.disk_used for host in hosts),
            )
        return self._census

    @property
    def host_count(self) -> int:
        """Also before the list of hosts was asked for."""
        counts = [s.swarm.host_count for s in self.stations.values() if s.swarm is not None]
        return max(len(self.hosts), max(counts, default=0))

    def tasks(self) -> list[Task]:
        """Those that run first, the busiest of them on top; then the latest."""
        answers = [s.swarm for s in self.stations.values() if s.swarm is not None]
        found = chain.from_iterable(swarm.tasks for swarm in answers)
        return sorted(found, key=lambda task: (not task.running, -task.rate, -task.updated_at))

    def stations_of(self, task_id: str) -> list[Station]:
        """Those that know the task first, then the others that answer."""
        knowing: list[Station] = []
        others: list[Station] = []
        for station in self.stations.values():
            if station.swarm is None or station.silent:
                continue
            knows = any(task.id == task_id for task in station.swarm.tasks)
            (knowing if knows else others).append(station)
        return knowing + others

    def alarms(self, now: float) -> list[Alarm]:
        silent = [(s.target.name, s.problem) for s in self.stations.values() if s.silent]
        if self._host_alarms is None:
            self._host_alarms = host_alarms(list(self.hosts.values()))
        return find_alarms(
            silent=silent, gone=self.gone, of_hosts=self._host_alarms, notes=self.notes, now=now
        )
