"""``dffs quota``: limits of directories and users."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from dfcore.errors import BadInput, NotFound
from dfcore.quantities import format_size
from dffs.cli.entry import META_URL, SIZE
from dffs.cli.targets import opened, with_passphrase
from dffs.meta.types import Quota, QuotaKind
from dffs.tree import Tree
from dffs.volume import Volume

_path = click.option("--path", help="A directory, from the root of the volume.")
_uid = click.option("--uid", type=int, help="A user.")


@click.group("quota")
def command() -> None:
    """Limits of bytes and inodes, of a directory with all below it or of a user."""


@command.command("set")
@META_URL
@_path
@_uid
@click.option("--capacity", type=SIZE, default=0, help="Bytes; 0 is no limit.")
@click.option("--inodes", type=click.IntRange(0), default=0, help="Files and directories; 0: none.")
@click.option("--create", is_flag=True, help="Make the directory if it is not there.")
@with_passphrase
def set_quota(
    meta_url: str,
    path: str | None,
    uid: int | None,
    capacity: int,
    inodes: int,
    create: bool,
    passphrase_file: Path | None,
) -> None:
    """Set a limit; what is used already is counted."""
    with opened(meta_url, passphrase_file) as volume:
        if create and path:
            Tree(volume.meta, volume.files).mkdirs(path)
        kind, key = _key(volume, path, uid)
        quota = volume.meta.set_quota(kind, key, max_bytes=capacity, max_inodes=inodes)
        _show(volume, [quota])


@command.command("get")
@META_URL
@_path
@_uid
@click.option("--json", "as_json", is_flag=True, help="For programs, in bytes.")
@with_passphrase
def get_quota(
    meta_url: str, path: str | None, uid: int | None, as_json: bool, passphrase_file: Path | None
) -> None:
    """Show one."""
    with opened(meta_url, passphrase_file) as volume:
        quota = volume.meta.get_quota(*_key(volume, path, uid))
        if quota is None:
            raise NotFound(f"{path or uid}: no quota is set")
        if as_json:
            click.echo(json.dumps({"max_bytes": quota.max_bytes, "max_inodes": quota.max_inodes}))
            return
        _show(volume, [quota])


@command.command("list")
@META_URL
@with_passphrase
def list_quotas(meta_url: str, passphrase_file: Path | None) -> None:
    """Show all."""
    with opened(meta_url, passphrase_file) as volume:
        _show(volume, volume.meta.list_quotas())


@command.command("delete")
@META_URL
@_path
@_uid
@with_passphrase
def delete_quota(
    meta_url: str, path: str | None, uid: int | None, passphrase_file: Path | None
) -> None:
    """Drop one."""
    with opened(meta_url, passphrase_file) as volume:
        if not volume.meta.delete_quota(*_key(volume, path, uid)):
            raise NotFound(f"{path or uid}: no quota is set")


@command.command("check")
@META_URL
@_path
@_uid
@click.option("--repair", is_flag=True)
@with_passphrase
def check_quota(
    meta_url: str, path: str | None, uid: int | None, repair: bool, passphrase_file: Path | None
) -> int:
    """Count again and compare."""
    with opened(meta_url, passphrase_file) as volume:
        noted, counted = volume.meta.check_quota(*_key(volume, path, uid), repair=repair)
        click.echo(f"noted   {format_size(noted.used_bytes)}, {noted.used_inodes} inodes")
        click.echo(f"counted {format_size(counted.used_bytes)}, {counted.used_inodes} inodes")
        same = noted[4:] == counted[4:]
        return 0 if same or repair else 1


def _key(volume: Volume, path: str | None, uid: int | None) -> tuple[QuotaKind, int]:
    if (path is None) == (uid is None):
        raise BadInput("quota: either --path or --uid is needed")
    if uid is not None:
        return QuotaKind.USER, uid
    return QuotaKind.DIRECTORY, Tree(volume.meta, volume.files).stat(path or "").ino


def _show(volume: Volume, quotas: list[Quota]) -> None:
    table = Table(box=None)
    for title in ("of", "capacity", "used", "inodes", "used inodes"):
        table.add_column(title, justify="left" if title == "of" else "right")
    for quota in quotas:
        of = f"uid {quota.key}"
        if quota.kind is QuotaKind.DIRECTORY:
            paths = volume.meta.paths(quota.key)
            of = paths[0].decode(errors="replace") if paths else f"inode {quota.key}"
        table.add_row(
            of,
            format_size(quota.max_bytes) if quota.max_bytes else "-",
            format_size(quota.used_bytes),
            str(quota.max_inodes or "-"),
            str(quota.used_inodes),
        )
    Console().print(table)
