"""The other jobs: telling of a task on all hosts, dropping it, taking in hosts, clearing records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from dfcore.errors import BadInput, MeganeuraError
from dfcore.ids import task_id_by_content, task_id_by_url
from manager.db.database import Database
from manager.jobs import values
from manager.jobs.hosts import JobHost
from manager.jobs.nodes import Nodes
from manager.jobs.results import job_states
from manager.jobs.runner import Work
from manager.jobs.swarm import Swarm

AT_ONCE = 64


def parse_task(args: Mapping[str, Any]) -> dict[str, Any]:
    """The task that ``args`` of get_task and delete_task name. Raises BadInput."""
    task_id = values.text(args, "task_id")
    url = values.text(args, "url")
    content = values.text(args, "content_for_calculating_task_id")
    if task_id:
        if len(task_id) != 64 or not set(task_id) <= set("0123456789abcdef"):
            raise BadInput("args.task_id: must be 64 hexadecimal digits")
    elif content:
        task_id = task_id_by_content(content)
    elif url:
        params = values.text(args, "filtered_query_params")
        task_id = task_id_by_url(
            url,
            tag=values.text(args, "tag"),
            application=values.text(args, "application"),
            piece_length=values.integer(args, "piece_length", 4 << 20, 64 << 20),
            filtered_query_params=[name for name in params.split("&") if name],
        )
    else:
        raise BadInput("args.task_id: say which task, by task_id, url or content")
    return {"task_id": task_id}


class _TaskJob:
    """What asks every host of a task."""

    def __init__(self, swarm: Swarm, nodes: Nodes) -> None:
        self._swarm = swarm
        self._nodes = nodes

    async def _of_all(
        self, work: Work, key: str, ask: Callable[[JobHost], Awaitable[dict[str, Any] | None]]
    ) -> Mapping[str, Any]:
        hosts = await self._swarm.hosts(work.claim.cluster_ids)
        limit = asyncio.Semaphore(AT_ONCE)
        groups: dict[int, dict[str, Any]] = {}

        async def one(host: JobHost) -> str:
            group = groups.setdefault(
                host.cluster_id,
                {key: [], "failure_tasks": [], "scheduler_cluster_id": host.cluster_id},
            )
            async with limit:
                try:
                    told = await ask(host)
                except MeganeuraError as error:
                    group["failure_tasks"].append({**_host(host), "description": str(error)})
                    return str(error)
            if told is not None:
                group[key].append(told)
            return ""

        errors = [line for line in await asyncio.gather(*map(one, hosts)) if line]
        result = job_states(groups.values(), error="; ".join(dict.fromkeys(errors))[:2000])
        return {**result, "task_id": work.claim.spec["task_id"]}


class GetTask(_TaskJob):
    """Handler of ``get_task``."""

    async def run(self, work: Work) -> Mapping[str, Any]:
        """Which hosts hold the task, and how much of it."""

        async def ask(host: JobHost) -> dict[str, Any] | None:
            task = await self._nodes.stat(host, str(work.claim.spec["task_id"]))
            if task is None:
                return None
            return {
                **_host(host),
                "state": task.state,
                "content_length": task.content_length,
                "finished_pieces": len(task.pieces),
                "pieces": task.piece_count,
            }

        return await self._of_all(work, "peers", ask)


class DeleteTask(_TaskJob):
    """Handler of ``delete_task``."""

    async def run(self, work: Work) -> Mapping[str, Any]:
        """Drop the task on every host that holds it."""

        async def ask(host: JobHost) -> dict[str, Any] | None:
            gone = await self._nodes.delete(host, str(work.claim.spec["task_id"]))
            return _host(host) if gone else None

        return await self._of_all(work, "success_tasks", ask)


TakeIn = Callable[[Session, Iterable[JobHost]], int]


class SyncPeers:
    """Handler of ``sync_peers``: takes the hosts that the schedulers know into the manager's list."""

    def __init__(self, swarm: Swarm, database: Database, take_in: TakeIn) -> None:
        self._swarm = swarm
        self._database = database
        self._take_in = take_in

    async def run(self, work: Work) -> Mapping[str, Any]:
        """Ask all schedulers and write what they say."""
        hosts = await self._swarm.hosts(work.claim.cluster_ids)
        count = await self._database.run(lambda s: self._take_in(s, hosts))
        return {**job_states([]), "peers": count}


class Clear:
    """Handler of ``gc``: forgets jobs or audit records that are older than they are kept."""

    def __init__(
        self,
        database: Database,
        jobs: Callable[[Session], int],
        audits: Callable[[Session], int],
    ) -> None:
        self._database = database
        self._forget = {"job": jobs, "audit": audits}

    async def run(self, work: Work) -> Mapping[str, Any]:
        """Forget in small transactions, so that nobody waits long."""
        forget = self._forget[work.claim.spec["type"]]
        total = 0
        while last := await self._database.run(forget):
            total += last
        return {**job_states([]), "removed": total}


def parse_clear(args: Mapping[str, Any]) -> dict[str, Any]:
    """``args`` of gc. Raises BadInput."""
    kind = values.text(args, "type")
    if kind not in ("audit", "job"):
        raise BadInput("args.type: must be audit or job")
    return {"type": kind}


def _host(host: JobHost) -> dict[str, Any]:
    return {
        "hostname": host.hostname,
        "ip": host.ip,
        "host_type": "super" if host.seed else "normal",
    }
