"""``dfctl model volume``: the volumes that the manager may keep models in."""

from __future__ import annotations

import sys
from typing import Any

import click

from dfcore.errors import BadInput
from dfdaemon.cli.entry import run_async
from dfdaemon.cli.job_api import ManagerAccess, ManagerApi, manager_options
from dfdaemon.cli.tables import Column, show_rows

_VOLUMES = (
    Column("NAME", "name"),
    Column("STORE", "shown"),
    Column("NOTE", "bio"),
)


@click.group("volume")
def group() -> None:
    """Volumes that the manager knows."""


@group.command("set")
@click.argument("name")
@click.option("--passphrase", envvar="DFFS_PASSPHRASE", default="", help="Of an encrypted volume.")
@click.option("--note", default="", help="For people.")
@manager_options
def set_volume(access: ManagerAccess, *, name: str, passphrase: str, note: str) -> None:
    """Make a volume known; the URL of its metadata is read from stdin, or typed unseen."""
    typed = sys.stdin.isatty()
    url = click.prompt("metadata URL", hide_input=True) if typed else sys.stdin.read().strip()
    if not url:
        raise BadInput("the metadata URL is empty; it is read from stdin")
    body = {"meta_url_secret": url, "passphrase": passphrase, "bio": note}
    _ask(access, "PUT", f"/api/v1/volumes/{name}", body)


@group.command("ls")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@manager_options
def list_volumes(access: ManagerAccess, *, as_json: bool) -> None:
    """List volumes."""
    show_rows(_ask(access, "GET", "/api/v1/volumes"), _VOLUMES, as_json=as_json)


@group.command("rm")
@click.argument("name")
@manager_options
def remove(access: ManagerAccess, *, name: str) -> None:
    """Forget a volume; nothing in it changes."""
    _ask(access, "DELETE", f"/api/v1/volumes/{name}")


def _ask(access: ManagerAccess, method: str, path: str, body: Any = None) -> Any:
    async def work() -> Any:
        async with ManagerApi(access) as api:
            return await api.ask(method, path, body)

    return run_async(work())
