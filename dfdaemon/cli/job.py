"""``dfctl job``: orders, watches and stops the manager's jobs; ``dfctl secret``: what they may use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from dfcore.errors import BadInput, MeganeuraError
from dfdaemon.cli.entry import HEADER, run_async
from dfdaemon.cli.job_api import ManagerAccess, ManagerApi, manager_options
from dfdaemon.cli.job_watch import follow
from dfdaemon.cli.tables import Column, show_one, show_rows, size

SCOPES = {"seed": "single_seed_peer", "seeds": "all_seed_peers", "all": "all_peers"}

_JOBS = (
    Column("ID", "id", right=True),
    Column("TYPE", "type"),
    Column("PHASE", "phase"),
    Column("%", "percent", right=True),
    Column("DUE", "due_at", lambda text: text[:19]),
    Column("CRON", "cron"),
    Column("WHAT", "what"),
)
_STEPS = (
    Column("HOST", "hostname"),
    Column("FILE", "file"),
    Column("STATE", "state"),
    Column("HAS", "done_bytes", size, right=True),
    Column("OF", "size_bytes", size, right=True),
    Column("MS", "took_ms", right=True),
    Column("ERROR", "error"),
)
_SECRETS = (
    Column("NAME", "name"),
    Column("FOR", "hosts", lambda hosts: ", ".join(hosts) or "the Hub"),
    Column("CHANGED", "updated_at", lambda text: text[:19]),
    Column("NOTE", "bio"),
)

_json = click.option("--json", "as_json", is_flag=True, help="For scripts.")
_job_id = click.argument("job_id", type=click.IntRange(1))
_wait = click.option("--wait/--no-wait", default=True, show_default=True, help="Until it is over.")
_quiet = click.option("--no-progress", "quiet", is_flag=True, help="Without bars.")


@click.group("job")
def group() -> None:
    """Jobs of the manager: bring content to many nodes, now or later."""


@group.command("preheat")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--scope",
    type=click.Choice(list(SCOPES)),
    default="seed",
    show_default=True,
    help="Whom to bring it to.",
)
@click.option("--ip", "ips", multiple=True, help="Only this host of the scope. Repeatable.")
@click.option("--count", type=click.IntRange(1), help="So many hosts of the scope.")
@click.option("--percentage", type=click.IntRange(1, 100), help="Such a part of the scope.")
@click.option("--image", is_flag=True, help="The URL names a container image.")
@click.option("--platform", help="Of an image: linux/amd64, several by comma, or all.")
@click.option("--revision", help="Of a repository, where the URL names none.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only these files. Repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Not these files. Repeatable.")
@click.option("--secret", help="Name of the secret that opens the origin (dfctl secret).")
@click.option(
    "--header", "headers", multiple=True, type=HEADER, help="'Name: value' for the origin."
)
@click.option("--tag", help="Of the task.")
@click.option("--application", help="Of the task.")
@click.option("--endpoint", help="Of an object store, or another Hub.")
@click.option("--region", help="Of an object store.")
@click.option("--timeout", help="For the whole job, like 2h. [default: 30m]")
@click.option(
    "--cluster", "clusters", multiple=True, type=int, help="Only this cluster. Repeatable."
)
@click.option("--at", help="When, like 2026-12-01T06:00:00Z.")
@click.option("--cron", help="Again and again, like '30 6 * * 1-5'.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of --cron.")
@click.option("--note", default="", help="For people.")
@_wait
@_quiet
@_json
@manager_options
def preheat(access: ManagerAccess, *, wait: bool, quiet: bool, as_json: bool, **asked: Any) -> None:
    """Bring files, repositories (hf://org/repo@rev), images, s3:// prefixes or dffs:// paths to nodes.

    Examples: dfctl job preheat hf://org/model@main --scope all;
    dfctl job preheat --image oci://registry.example/team/app:1.2 --scope seeds
    """
    run_async(_order(access, _preheat_body(asked), wait=wait, quiet=quiet, as_json=as_json))


def _preheat_body(asked: dict[str, Any]) -> dict[str, Any]:
    urls: Sequence[str] = asked["urls"]
    image = asked["image"] or all(url.startswith("oci://") for url in urls)
    args: dict[str, Any] = {
        "type": "image" if image else "file",
        "url": urls[0],
        "urls": list(urls[1:]),
        "scope": SCOPES[asked["scope"]],
        "headers": dict(asked["headers"]),
    }
    for key in ("ips", "include", "exclude"):
        args[key] = list(asked[key])
    plain = ("count", "percentage", "platform", "revision", "secret", "tag", "application")
    args |= {key: asked[key] for key in (*plain, "endpoint", "region", "timeout")}
    body = {
        "type": "preheat",
        "args": {key: value for key, value in args.items() if value not in (None, [], {})},
        "bio": asked["note"],
        "scheduler_cluster_ids": list(asked["clusters"]),
        "time_zone": asked["time_zone"],
    }
    return body | {key: asked[key] for key in ("at", "cron") if asked[key]}


async def _order(
    access: ManagerAccess, body: dict[str, Any], *, wait: bool, quiet: bool, as_json: bool
) -> None:
    async with ManagerApi(access) as api:
        job = await api.ask("POST", "/api/v1/jobs", body)
        if wait and not body.get("cron") and not body.get("at"):
            if not as_json:
                click.echo(f"job {job['id']}", err=True)
            job = await follow(api, job["id"], quiet=quiet or as_json)
    _tell(job, as_json=as_json)


def _tell(job: dict[str, Any], *, as_json: bool) -> None:
    """Print a job; a failed one is an error."""
    show_one(job if as_json else _shown(job), as_json=as_json)
    if job["phase"] in ("FAILURE", "CANCELLED"):
        raise MeganeuraError(f"job {job['id']}: {job['error'] or 'called off'}")


@group.command("ls")
@click.option("--type", "kind", help="preheat, get_task, delete_task, sync_peers, gc, replicate.")
@click.option("--phase", help="SCHEDULED, PENDING, STARTED, SUCCESS, FAILURE or CANCELLED.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@_json
@manager_options
def list_jobs(
    access: ManagerAccess, kind: str | None, phase: str | None, limit: int, as_json: bool
) -> None:
    """List jobs, the newest first."""
    query = {"type": kind, "phase": phase, "per_page": limit}
    rows = _asked(access, "GET", "/api/v1/jobs", query=query)
    show_rows(rows if as_json else [_row(job) for job in rows], _JOBS, as_json=as_json)


@group.command("show")
@_job_id
@_json
@manager_options
def show(access: ManagerAccess, job_id: int, as_json: bool) -> None:
    """Tell all of a job."""
    job = _asked(access, "GET", f"/api/v1/jobs/{job_id}")
    show_one(job if as_json else _shown(job), as_json=as_json)


@group.command("watch")
@_job_id
@_quiet
@_json
@manager_options
def watch(access: ManagerAccess, job_id: int, quiet: bool, as_json: bool) -> None:
    """Look on until a job is over."""

    async def work() -> dict[str, Any]:
        async with ManagerApi(access) as api:
            return await follow(api, job_id, quiet=quiet or as_json)

    _tell(run_async(work()), as_json=as_json)


@group.command("steps")
@_job_id
@click.option("--state", help="pending, running, done, failed or cancelled.")
@_json
@manager_options
def steps(access: ManagerAccess, job_id: int, state: str | None, as_json: bool) -> None:
    """List the files of a job on its hosts."""

    async def work() -> list[Any]:
        async with ManagerApi(access) as api:
            return await api.pages(f"/api/v1/jobs/{job_id}/steps", {"state": state})

    show_rows(run_async(work()), _STEPS, as_json=as_json)


@group.command("cancel")
@_job_id
@manager_options
def cancel(access: ManagerAccess, job_id: int) -> None:
    """Call a job or a schedule off."""
    _asked(access, "POST", f"/api/v1/jobs/{job_id}/cancel")


@group.command("retry")
@_job_id
@_wait
@_quiet
@_json
@manager_options
def retry(access: ManagerAccess, job_id: int, wait: bool, quiet: bool, as_json: bool) -> None:
    """Do again what failed, or was not done, of a job that is over."""

    async def work() -> dict[str, Any]:
        async with ManagerApi(access) as api:
            job: dict[str, Any] = await api.ask("POST", f"/api/v1/jobs/{job_id}/retry")
            return await follow(api, job_id, quiet=quiet or as_json) if wait else job

    _tell(run_async(work()), as_json=as_json)


@group.command("rm")
@_job_id
@manager_options
def remove(access: ManagerAccess, job_id: int) -> None:
    """Forget a job that is over, or a schedule."""
    _asked(access, "DELETE", f"/api/v1/jobs/{job_id}")


@group.command("task")
@click.argument("what", type=click.Choice(["stat", "delete"]))
@click.argument("task")
@_json
@manager_options
def task(access: ManagerAccess, what: str, task: str, as_json: bool) -> None:
    """Tell of a task on all nodes, or drop it there; TASK is its id or URL."""
    key = "url" if "://" in task else "task_id"
    body = {"type": "get_task" if what == "stat" else "delete_task", "args": {key: task}}
    run_async(_order(access, body, wait=True, quiet=True, as_json=as_json))


@group.command("sync-peers")
@_json
@manager_options
def sync_peers(access: ManagerAccess, as_json: bool) -> None:
    """Take the hosts that the schedulers know into the manager's list."""
    run_async(_order(access, {"type": "sync_peers"}, wait=True, quiet=True, as_json=as_json))


@group.command("gc")
@click.argument("kind", type=click.Choice(["job", "audit"]))
@_json
@manager_options
def gc(access: ManagerAccess, kind: str, as_json: bool) -> None:
    """Forget jobs or audit records that are older than they are kept."""
    body = {"type": "gc", "args": {"type": kind}}
    run_async(_order(access, body, wait=True, quiet=True, as_json=as_json))


@click.group("secret")
def secrets() -> None:
    """Secrets that jobs use by name: Hub tokens, keys of stores, passwords of registries."""


@secrets.command("set")
@click.argument("name")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="PATTERN",
    help="May be sent there. Repeatable. [default: the Hub]",
)
@click.option("--note", default="", help="For people.")
@manager_options
def set_secret(access: ManagerAccess, name: str, hosts: tuple[str, ...], note: str) -> None:
    """Keep a secret under a name; it is read from stdin, or typed unseen."""
    typed = sys.stdin.isatty()
    value = click.prompt("secret", hide_input=True) if typed else sys.stdin.read().strip()
    if not value:
        raise BadInput("the secret is empty; it is read from stdin")
    body = {"secret": value, "bio": note, "hosts": list(hosts)}
    _asked(access, "PUT", f"/api/v1/secrets/{name}", body=body)


@secrets.command("ls")
@_json
@manager_options
def list_secrets(access: ManagerAccess, as_json: bool) -> None:
    """List names of secrets."""
    show_rows(_asked(access, "GET", "/api/v1/secrets"), _SECRETS, as_json=as_json)


@secrets.command("rm")
@click.argument("name")
@manager_options
def remove_secret(access: ManagerAccess, name: str) -> None:
    """Forget a secret."""
    _asked(access, "DELETE", f"/api/v1/secrets/{name}")


def _asked(
    access: ManagerAccess, method: str, path: str, *, body: Any = None, query: Any = None
) -> Any:
    async def work() -> Any:
        async with ManagerApi(access) as api:
            return await api.ask(method, path, body, query)

    return run_async(work())


def _row(job: dict[str, Any]) -> dict[str, Any]:
    args = job["args"]
    what = args.get("url") or args.get("task_id") or args.get("type") or ""
    return {**job, "percent": job["progress"]["percent"], "what": what}


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    """What people want to see of a job."""
    progress = job["progress"]
    keys = ("id", "type", "phase", "bio", "error", "cron", "due_at", "started_at", "finished_at")
    shown = {key: job[key] for key in keys}
    shown["args"] = job["args"]
    if progress["total_steps"]:
        shown["steps"] = (
            f"{progress['done_steps']} of {progress['total_steps']} done, "
            f"{progress['failed_steps']} failed"
        )
        shown["bytes"] = f"{size(progress['done_bytes'])} of {size(progress['total_bytes'])}"
    for state in (job["result"] or {}).get("job_states", []):
        for group_ in state["results"]:
            shown["peers"] = [f"{p['hostname']}: {p['state']}" for p in group_.get("peers", [])]
    return shown
