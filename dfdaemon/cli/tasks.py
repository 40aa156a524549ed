"""``dfctl task``: what this node holds, and what the swarm knows of a task."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from dfcore.errors import BadInput, NotFound
from dfdaemon.cli.daemon import Daemon, find_socket
from dfdaemon.cli.entry import run_async
from dfdaemon.cli.swarm import scheduler_option, swarm_tasks
from dfdaemon.cli.tables import Column, Row, show_one, show_rows, size, size_if_known
from dfinfra.pb import common_pb2
from dfinfra.pb import dfdaemon_pb2 as pb

_FULL_ID = re.compile(r"[0-9a-f]{64}")
_SHOWN_ID = 16

# Under which the daemon tells where a task's content came from.
_URL_HEADER = "x-meganeura-url"

_LOCAL = (
    Column("TASK", "task_id", lambda text: text[:_SHOWN_ID]),
    Column("SIZE", "size_bytes", size, right=True),
    Column("STATE", "state"),
    Column("USED", "used_at"),
    Column("URL", "url"),
)
_SWARM = (
    Column("TASK", "task_id", lambda text: text[:_SHOWN_ID]),
    Column("SIZE", "size_bytes", size_if_known, right=True),
    Column("STATE", "state"),
    Column("PEERS", "peers", right=True),
    Column("COMPLETE", "complete_peers", right=True),
    Column("URL", "url"),
)

_endpoint = click.option(
    "--endpoint",
    type=click.Path(path_type=Path),
    envvar="DFCTL_ENDPOINT",
    help="Unix socket of dfdaemon.",
)
_json = click.option("--json", "as_json", is_flag=True, help="For scripts.")
_id = click.argument("task_id")


@click.group("task")
def group() -> None:
    """Tasks: content that this node holds, or the swarm knows."""


@group.command("ls")
@click.option("--everywhere", is_flag=True, help="What the schedulers know, not this node alone.")
@scheduler_option
@_endpoint
@_json
def list_(
    everywhere: bool, schedulers: tuple[str, ...], endpoint: Path | None, as_json: bool
) -> None:
    """List tasks, those in use last."""
    if everywhere:
        show_rows(run_async(swarm_tasks(schedulers)), _SWARM, as_json=as_json)
    else:
        show_rows(run_async(_local_tasks(endpoint)), _LOCAL, as_json=as_json)


@group.command("stat")
@_id
@click.option("--everywhere", is_flag=True, help="What its scheduler knows.")
@_endpoint
@_json
def stat(task_id: str, everywhere: bool, endpoint: Path | None, as_json: bool) -> None:
    """Tell all about one task. The beginning of its id is enough if this node holds it."""
    show_one(run_async(_stat(task_id, endpoint, everywhere=everywhere)), as_json=as_json)


@group.command("rm")
@click.argument("task_ids", nargs=-1, required=True)
@click.option("--everywhere", is_flag=True, help="On every node that holds it.")
@_endpoint
def remove(task_ids: tuple[str, ...], everywhere: bool, endpoint: Path | None) -> None:
    """Delete tasks and their content. The beginning of an id is enough if this node holds it."""
    run_async(_remove(task_ids, endpoint, everywhere=everywhere))


async def _local_tasks(endpoint: Path | None) -> list[Row]:
    async with Daemon(find_socket(endpoint)) as daemon:
        answer = await daemon.call("ListLocalTasks", pb.ListLocalTasksRequest())
    tasks = sorted(answer.tasks, key=lambda task: task.updated_at.ToNanoseconds())
    return [_local_row(task) for task in tasks]


async def _stat(task_id: str, endpoint: Path | None, *, everywhere: bool) -> Row:
    async with Daemon(find_socket(endpoint)) as daemon:
        full = await _full_id(daemon, task_id, everywhere=everywhere)
        if everywhere:
            return _swarm_row(await daemon.call("StatTask", pb.StatTaskRequest(task_id=full)))
        task = await daemon.call("StatLocalTask", pb.StatLocalTaskRequest(task_id=full))
    headers = {k: v for k, v in task.response_header.items() if k != _URL_HEADER}
    return {
        **_local_row(task),
        "piece_length": task.piece_length if task.HasField("piece_length") else None,
        "response_headers": headers,
    }


async def _remove(task_ids: tuple[str, ...], endpoint: Path | None, *, everywhere: bool) -> None:
    async with Daemon(find_socket(endpoint)) as daemon:
        full_ids = [await _full_id(daemon, text, everywhere=everywhere) for text in task_ids]
        for full in full_ids:
            if everywhere:
                await daemon.call("DeleteTask", pb.DeleteTaskRequest(task_id=full))
            else:
                await daemon.call("DeleteLocalTask", pb.DeleteLocalTaskRequest(task_id=full))
            click.echo(full)


async def _full_id(daemon: Daemon, text: str, *, everywhere: bool) -> str:
    """The id that begins like this among the tasks of this node. Raises BadInput, NotFound."""
    if _FULL_ID.fullmatch(text):
        return text
    if not re.fullmatch(r"[0-9a-f]{4,63}", text):
        raise BadInput(f"{text[:80]!r} is not a task id, or at least four digits of its beginning")
    answer = await daemon.call("ListLocalTasks", pb.ListLocalTasksRequest())
    found = [task.task_id for task in answer.tasks if task.task_id.startswith(text)]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise BadInput(f"{len(found)} tasks begin with {text}; write more of the id")
    hint = "; a task of other nodes needs its whole id" if everywhere else ""
    raise NotFound(f"this node holds no task that begins with {text}{hint}")


def _local_row(task: pb.StatLocalTaskResponse) -> dict[str, Any]:
    failed, finished = task.HasField("failed_at"), task.HasField("finished_at")
    return {
        "task_id": task.task_id,
        "size_bytes": task.content_length if task.HasField("content_length") else None,
        "state": "failed" if failed else "complete" if finished else "partial",
        "created_at": _time(task.created_at),
        "used_at": _time(task.updated_at),
        "url": task.response_header.get(_URL_HEADER, ""),
    }


def _swarm_row(task: common_pb2.Task) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "size_bytes": task.content_length or None,
        "state": task.state,
        "peers": task.peer_count,
        "pieces": task.piece_count,
        "has_available_peer": task.has_available_peer,
        "digest": task.digest,
        "tag": task.tag,
        "application": task.application,
        "created_at": _time(task.created_at),
        "updated_at": _time(task.updated_at),
        "url": task.url,
    }


def _time(stamp: Any) -> str | None:
    """Whole seconds, UTC, ISO 8601."""
    if not stamp.seconds:
        return None
    return f"{stamp.ToDatetime().isoformat(timespec='seconds')}Z"
