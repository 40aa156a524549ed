"""``dfctl host`` and ``dfctl peer``: what the schedulers know of the cluster.

Each scheduler knows the tasks that hash to it, so all that are named are asked and their answers joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import grpc

from dfcore.errors import BadInput, MeganeuraError, Unavailable
from dfdaemon.cli.entry import run_async
from dfdaemon.cli.tables import Column, Row, show_rows, size, size_if_known
from dfdaemon.config import DaemonConfig
from dfinfra import config as settings
from dfinfra.pb import common_pb2, meganeura_pb2, meganeura_pb2_grpc, scheduler_pb2
from dfinfra.pb import scheduler_pb2_grpc as scheduler_grpc
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.errors import CODE_KEY, from_rpc_error

CALL_TIMEOUT_S = 10.0
_LIMIT = 10_000
_CONFIG = f"{__name__}.config"
_SHOWN_ID = 16

_HOSTS = (
    Column("HOST", "host_id"),
    Column("TYPE", "type"),
    Column("IP", "ip"),
    Column("PORT", "port", right=True),
    Column("DATA PORT", "download_port", right=True),
    Column("IDC", "idc"),
    Column("LOCATION", "location"),
    Column("BUILD", "build"),
)
_PEERS = (
    Column("TASK", "task_id", lambda text: text[:_SHOWN_ID]),
    Column("HOST", "host_id"),
    Column("STATE", "state"),
    Column("SEED", "seed", lambda seed: "seed" if seed else ""),
    Column("HAS", "finished_bytes", size, right=True),
    Column("OF", "size_bytes", size_if_known, right=True),
    Column("URL", "url"),
)


def _addresses(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """The schedulers that were named, else those of the node's configuration."""
    for address in given:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise BadInput(f"--scheduler {address[:100]!r}: must be host:port")
    if given:
        return given
    path: Path | None = ctx.meta.get(_CONFIG)
    return settings.load(DaemonConfig, path).scheduler.addrs


def scheduler_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which schedulers are asked; the command gets ``schedulers``."""
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_remember_config,
        envvar="DFCTL_CONFIG",
        help="The node's YAML file, for its schedulers.",
    )
    schedulers = click.option(
        "--scheduler",
        "schedulers",
        multiple=True,
        callback=_addresses,
        envvar="DFCTL_SCHEDULER",
        metavar="HOST:PORT",
        help="Repeatable. [default: 127.0.0.1:8002]",
    )
    return config(schedulers(command))


def _remember_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    ctx.meta[_CONFIG] = path


_json = click.option("--json", "as_json", is_flag=True, help="For scripts.")


@click.group("host")
def hosts() -> None:
    """Hosts that the schedulers know."""


@hosts.command("ls")
@click.option("--seeds", is_flag=True, help="Seed peers only.")
@scheduler_option
@_json
def list_hosts(seeds: bool, schedulers: tuple[str, ...], as_json: bool) -> None:
    """List hosts."""
    show_rows(run_async(_hosts(schedulers, seeds=seeds)), _HOSTS, as_json=as_json)


@click.group("peer")
def peers() -> None:
    """Peers: one task on one host."""


@peers.command("ls")
@click.option("--task", "task_id", default="", help="Of this task.")
@click.option("--host", "host_id", default="", help="On this host.")
@click.option("--limit", type=click.IntRange(1, _LIMIT), default=1000, show_default=True)
@scheduler_option
@_json
def list_peers(
    task_id: str, host_id: str, limit: int, schedulers: tuple[str, ...], as_json: bool
) -> None:
    """List peers."""
    request = meganeura_pb2.ListPeersRequest(task_id=task_id, host_id=host_id, limit=limit)
    show_rows(run_async(_peers(schedulers, request)), _PEERS, as_json=as_json)


async def _hosts(schedulers: Iterable[str], *, seeds: bool) -> list[Row]:
    request = scheduler_pb2.ListHostsRequest()
    found: dict[str, common_pb2.Host] = {}
    for answer in await _ask(schedulers, scheduler_grpc.SchedulerStub, "ListHosts", request):
        found |= {host.id: host for host in answer.hosts}
    rows = [_host_row(host) for host in found.values() if host.type or not seeds]
    return sorted(rows, key=lambda row: (row["type"] != "seed", str(row["host_id"])))


async def _peers(schedulers: Iterable[str], request: meganeura_pb2.ListPeersRequest) -> list[Row]:
    found: dict[str, meganeura_pb2.PeerInfo] = {}
    for answer in await _ask(
        schedulers, meganeura_pb2_grpc.SchedulerExtensionStub, "ListPeers", request
    ):
        found |= {peer.peer_id: peer for peer in answer.peers}
    rows: list[Row] = [_fields(peer) for peer in found.values()]
    return sorted(rows, key=lambda row: (str(row["task_id"]), not row["seed"], str(row["host_id"])))


async def swarm_tasks(schedulers: Iterable[str]) -> list[Row]:
    """The tasks that the schedulers know."""
    request = meganeura_pb2.ListTasksRequest(limit=_LIMIT)
    found: dict[str, Row] = {}
    for answer in await _ask(
        schedulers, meganeura_pb2_grpc.SchedulerExtensionStub, "ListTasks", request
    ):
        for task in answer.tasks:
            row = _fields(task)
            row["peers"], row["complete_peers"] = row.pop("peer_count"), row.pop("complete_count")
            found[task.task_id] = row
    return sorted(found.values(), key=lambda row: str(row["url"]))


async def _ask(
    schedulers: Iterable[str], stub_of: Callable[[Any], Any], method: str, request: Any
) -> list[Any]:
    """The answers of all schedulers; one that is down is an error, half a list would mislead."""
    channels = Channels()
    answers = []
    try:
        for address in schedulers:
            try:
                call = getattr(stub_of(channels.get(address)), method)
                answers.append(await call(request, timeout=CALL_TIMEOUT_S))
            except grpc.aio.AioRpcError as error:
                raise _told(error, address, method) from error
    finally:
        await channels.close()
    return answers


def _told(error: grpc.aio.AioRpcError, address: str, method: str) -> MeganeuraError:
    trailers: dict[str, object] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]
    if error.code() is grpc.StatusCode.UNAVAILABLE and CODE_KEY not in trailers:
        return Unavailable(f"no scheduler answers at {address}; --scheduler names another")
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return MeganeuraError(f"scheduler {address} is not one of ours: it has no {method}")
    return from_rpc_error(error, f"scheduler {address}")


def _host_row(host: common_pb2.Host) -> dict[str, Any]:
    build = host.build
    return {
        "host_id": host.id,
        "type": "seed" if host.type else "node",
        "hostname": host.hostname,
        "ip": host.ip,
        "port": host.port,
        "download_port": host.download_port,
        "proxy_port": host.proxy_port,
        "idc": host.network.idc,
        "location": host.network.location,
        "build": build.platform or build.git_version,
    }


def _fields(message: Any) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
