"""A swarm that does not exist: what schedulers would tell of any number of hosts and tasks.

Stands in for `manager.observe.source.GrpcSource` where the console is tested and measured. The same
seed and moment give the same answer; time moves downloads on, so that pages have something to show.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dfcore.errors import NotFound, Unavailable
from manager.observe.model import (
    Held,
    Host,
    Note,
    Peer,
    Source,
    Swarm,
    Target,
    Task,
    TaskDetail,
    Traffic,
)

GIB = 1 << 30
PLACES = ("fra1", "fra2", "ams1", "osl1", "sin1")
MODELS = (
    ("meta-llama/Llama-3.3-70B-Instruct", "model-{:05d}-of-00030.safetensors", 30, 4.7),
    ("mistralai/Mixtral-8x22B-v0.1", "model-{:05d}-of-00059.safetensors", 59, 4.9),
    ("Qwen/Qwen2.5-72B-Instruct", "model-{:05d}-of-00037.safetensors", 37, 3.9),
    ("deepseek-ai/DeepSeek-V3", "model-{:05d}-of-000163.safetensors", 163, 4.3),
    ("black-forest-labs/FLUX.1-dev", "flux1-dev-{:05d}.safetensors", 3, 7.9),
    ("openai/whisper-large-v3", "model-{:05d}.safetensors", 2, 3.1),
)
TARGETS = (Target("10.0.0.2:8002", "scheduler-0", "frankfurt", 1),)


@dataclass(frozen=True)
class Shape:
    """How large it is."""

    hosts: int = 48
    seeds: int = 2
    tasks: int = 6
    peers_per_task: int = 24
    troubles: bool = True


class StandInSwarm:
    """`clock` is the time of day; `silent` makes the scheduler not answer."""

    def __init__(self, shape: Shape, clock: Callable[[], float]) -> None:
        self.shape = shape
        self.silent = False
        self.questions = 0
        self._clock = clock
        self._began_at = clock()
        self._hosts = [self._host(number) for number in range(shape.hosts)]

    async def swarm(self, target: Target, *, hosts: bool, notes_after: int) -> Swarm:
        self.questions += 1
        if self.silent:
            raise Unavailable(f"{target.address} does not answer")
        tasks = tuple(self._task(number) for number in range(self.shape.tasks))
        return Swarm(
            boot_id="stand-in",
            host_count=self.shape.hosts,
            task_count=self.shape.tasks,
            peer_count=self.shape.tasks * self.shape.peers_per_task,
            tasks=tasks,
            hosts=tuple(self._hosts) if hosts else None,
            traffic=self.traffic(self._age_s),
            notes=tuple(note for note in self._notes() if note.number > notes_after),
        )

    async def task(self, target: Target, task_id: str) -> TaskDetail:
        for number in range(self.shape.tasks):
            if task_id_of(number) == task_id:
                return self._detail(number)
        raise NotFound(f"task {task_id} is not known here")

    async def held(self, target: Target, host_id: str) -> list[Held]:
        numbers = [n for n in range(self.shape.tasks) if self._takes_part(n, host_id)]
        tasks = [self._task(number) for number in numbers]
        return [
            Held(t.id, t.url, t.state, int(t.size_bytes * t.progress), t.size_bytes) for t in tasks
        ]

    def _takes_part(self, number: int, host_id: str) -> bool:
        return any(peer.host_id == host_id for peer in self._detail(number).peers)

    async def aclose(self) -> None:
        """Nothing is open."""

    # Parts

    @property
    def _age_s(self) -> float:
        return self._clock() - self._began_at

    def _host(self, number: int) -> Host:
        chance = Random(number)
        seed = number < self.shape.seeds
        place = PLACES[chance.randrange(len(PLACES))]
        total = (16_000 if seed else 4_000) * 10**9
        ill = self.shape.troubles and number == self.shape.hosts - 1
        name = f"seed-{number}" if seed else f"gpu-{place}-{number:05d}"
        busy = chance.random()
        return Host(
            id=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}-{name}",
            hostname=name,
            ip=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            port=4000,
            seed=seed,
            own=True,
            idc=place,
            location=f"eu|{place}",
            version="0.1.0",
            cpu_percent=100 * busy**2,
            memory_percent=20 + 60 * chance.random(),
            disk_total=total,
            disk_used=int(
                total * (0.99 if chance.random() > 0.998 else 0.2 + 0.6 * chance.random())
            ),
            rx_rate=3e9 * busy**3,
            tx_rate=3e9 * chance.random() ** 3,
            served_rate=2e9 * chance.random() ** 4 if chance.random() > 0.35 else 0.0,
            task_count=chance.randrange(4, 60),
            running_count=chance.randrange(1, 4) if busy > 0.55 else 0,
            quarantined=ill,
            disable_shared=False,
            announced_at=self._began_at,
            cluster="cluster-1",
            scheduler="scheduler-0",
        )

    def traffic(self, age_s: float) -> Traffic:
        """In all, so many seconds after the beginning; there was something before it."""
        age_s += 5400
        wave = (
            age_s
            + 40 * math.sin(age_s / 190)
            + 3 * math.sin(age_s / 31)
            + 0.3 * math.sin(age_s / 5)
        )
        scale = max(1, self.shape.hosts / 48)
        return Traffic(
            origin_to_seeds=int(wave * 0.11e9 * scale),
            origin_to_peers=int(age_s * 0.002e9 * scale),
            seeds_to_peers=int((wave + 1.5 * math.cos(age_s / 17)) * 0.42e9 * scale),
            peers_to_peers=int((wave + 1.2 * math.sin(age_s / 13)) * 2.6e9 * scale),
        )

    def _notes(self) -> list[Note]:
        if not self.shape.troubles:
            return []
        node, task = self._hosts[-2].id, task_id_of(0)
        why = "no seed answered within 30 s"
        text = "it was silent for 61 s"
        return [
            Note(1, self._began_at - 200, "feeder-lost", self._hosts[0].id, task, text),
            Note(2, self._began_at - 140, "origin-granted", node, task, why),
        ]

    def _progress(self, number: int, lag: float = 0.0) -> float:
        if number % 6 == 5:
            return 1.0
        phase = 0.31 + 0.13 * number + self._age_s / 240 - lag
        return min(1.0, max(0.02, phase % 1.05))

    def _task(self, number: int) -> Task:
        name, pattern, count, gib = MODELS[number % len(MODELS)]
        file = pattern.format(1 + number // len(MODELS) % count)
        progress, size = self._progress(number), int(gib * GIB)
        running = self.shape.peers_per_task if progress < 1 else 0
        return Task(
            id=task_id_of(number),
            url=f"https://huggingface.co/{name}/resolve/main/{file}",
            state="Running" if running else "Succeeded",
            size_bytes=size,
            peer_count=self.shape.peers_per_task + 1,
            complete_count=1 if running else self.shape.peers_per_task + 1,
            running_count=running,
            running_bytes=int(size * running * progress),
            rate=running * 1.1e8 * (1 + 0.3 * math.sin(number + self._age_s / 11)),
            tag="",
            application="",
            digest="sha256:" + hashlib.sha256(file.encode()).hexdigest(),
            created_at=self._clock() - 40 - 9 * number,
            updated_at=self._clock() - (0 if running else 60 * number),
            cluster="cluster-1",
            scheduler="scheduler-0",
        )

    def _detail(self, number: int) -> TaskDetail:
        task, shape = self._task(number), self.shape
        pieces, length = math.ceil(task.size_bytes / (16 << 20)), 16 << 20
        taking = [
            self._hosts[shape.seeds + (number * 31 + i) % (shape.hosts - shape.seeds)]
            for i in range(shape.peers_per_task)
        ]
        seed = self._hosts[number % shape.seeds]
        peers = [self._seed_peer(task, seed, pieces)]
        for index, host in enumerate(taking):
            peers.append(self._peer(task, host, index, taking, seed, pieces, number))
        named = {host.id: host for host in (seed, *taking)}
        return TaskDetail(task, length, pieces, tuple(peers), seed.id, named)

    def _seed_peer(self, task: Task, seed: Host, pieces: int) -> Peer:
        done = min(1.0, self._progress(0) + 0.3)
        bits = (1 << int(pieces * done)) - 1
        return Peer(
            id=f"{seed.id}-{task.id[:12]}",
            host_id=seed.id,
            state="Succeeded" if done == 1 else "BackToSource",
            seed=True,
            complete=done == 1,
            finished_bytes=int(task.size_bytes * done),
            rate=1.2e8 if done < 1 else 0.0,
            pieces=bits.to_bytes((pieces + 7) // 8, "little"),
            sources=(Source("", int(task.size_bytes * done), 1.2e8 if done < 1 else 0.0),),
            neighbours=(),
            created_at=task.created_at,
            updated_at=task.updated_at,
        )

    def _peer(
        self,
        task: Task,
        host: Host,
        index: int,
        taking: list[Host],
        seed: Host,
        pieces: int,
        number: int,
    ) -> Peer:
        chance = Random(f"{task.id}{host.id}")
        done = 1.0 if task.running_count == 0 else self._progress(number, 0.12 * chance.random())
        bits = sum(1 << piece for piece in range(pieces) if chance.random() < done)
        rate = 1.1e8 * (0.5 + chance.random()) if done < 1 else 0.0
        others = [h for h in taking if h is not host]
        givers = chance.sample(others, min(3, len(others))) + ([seed] if index % 5 == 0 else [])
        shares = [0.2 + chance.random() for _ in givers]
        sources = tuple(
            Source(
                giver.id,
                int(task.size_bytes * done * share / sum(shares)),
                rate * share / sum(shares),
            )
            for giver, share in zip(givers, shares, strict=True)
        )
        return Peer(
            id=f"{host.id}-{task.id[:12]}",
            host_id=host.id,
            state="Running" if done < 1 else "Succeeded",
            seed=False,
            complete=done == 1,
            finished_bytes=int(task.size_bytes * done),
            rate=rate,
            pieces=bits.to_bytes((pieces + 7) // 8, "little"),
            sources=sources,
            neighbours=tuple(h.id for h in givers),
            created_at=task.created_at + index * 0.2,
            updated_at=task.updated_at,
        )


def task_id_of(number: int) -> str:
    """The id of the task with this number."""
    return hashlib.sha256(f"task {number}".encode()).hexdigest()
