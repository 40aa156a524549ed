"""``dffs config``: look at a volume's settings, and change them for all clients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from dfcore.errors import BadInput
from dffs.blocks.keys import open_key, seal_key
from dffs.cli.entry import META_URL, RATE, SIZE, passphrase, passphrase_option
from dffs.cli.report import show
from dffs.cli.status import described
from dffs.format import COMPRESSIONS, Format
from dffs.meta.fs import open_meta
from dffs.meta.types import Settings
from dffs.object.opening import STORAGES, Location, open_store
from dfinfra.command import DURATION

_DAY_S = 86400.0
_RECORD = ("storage", "bucket", "region", "access_key", "secret_key", "session_token")


@click.command("config")
@META_URL
@click.option("--storage", type=click.Choice(STORAGES))
@click.option("--bucket")
@click.option("--region")
@click.option("--access-key", envvar="ACCESS_KEY")
@click.option("--secret-key", envvar="SECRET_KEY")
@click.option("--session-token", envvar="SESSION_TOKEN")
@click.option("--compress", type=click.Choice(COMPRESSIONS))
@click.option("--upload-limit", type=RATE, help="A number of Mbit/s, or a size a second.")
@click.option("--download-limit", type=RATE)
@click.option("--capacity", type=SIZE)
@click.option("--inodes", type=click.IntRange(0))
@click.option("--trash-days", type=click.FloatRange(0))
@click.option("--enable-acl", is_flag=True, default=None, help="Cannot be turned off again.")
@click.option("--changelog/--no-changelog", default=None)
@click.option(
    "--public-files/--no-public-files", default=None, help="Nodes may pass files on in the clear."
)
@click.option("--changelog-max-age", type=DURATION)
@passphrase_option
@click.option(
    "--new-passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seal the volume's key by another passphrase; no block is written again.",
)
@click.option("--force", is_flag=True, help="Do not try whether the bucket can be used.")
def command(
    meta_url: str,
    passphrase_file: Path | None,
    new_passphrase_file: Path | None,
    force: bool,
    **given: Any,
) -> None:
    """Show the settings of a volume; with options, change them. Mounts follow within seconds."""
    changes = {name: value for name, value in given.items() if value is not None}
    meta = open_meta(meta_url)
    try:
        record = Format.from_json(meta.get_format().decode())
        before = record
        record = changed_record(record, changes)
        if new_passphrase_file is not None:
            record = _sealed_anew(record, passphrase(passphrase_file), new_passphrase_file)
        settings = changed_settings(meta.get_settings(), changes)
        if not force and any(getattr(record, n) != getattr(before, n) for n in _RECORD):
            store = open_store(Location.of(record))
            store.head(f"{record.name}/meganeura.json")
            store.close()
        if record != before:
            meta.set_format(record.to_json().encode())
        if settings != meta.get_settings():
            meta.set_settings(settings)
        show(described(record, settings))
    finally:
        meta.close()


def changed_record(record: Format, changes: dict[str, Any]) -> Format:
    """The format record after the user's changes."""
    wanted = {name: changes[name] for name in _RECORD if name in changes}
    if "compress" in changes:
        if not record.sealed_objects and changes["compress"] != "none":
            raise BadInput("--compress: this volume's objects are plain blocks, and stay so")
        wanted["compression"] = changes["compress"]
    for flag, name in (
        ("public_files", "public_files"),
        ("upload_limit", "upload_limit_bytes_s"),
        ("download_limit", "download_limit_bytes_s"),
    ):
        if flag in changes:
            wanted[name] = changes[flag]
    return record.changed(**wanted) if wanted else record


def changed_settings(settings: Settings, changes: dict[str, Any]) -> Settings:
    """The volume's settings after the user's changes."""
    wanted: dict[str, Any] = {}
    for flag, name in (
        ("capacity", "capacity_bytes"),
        ("inodes", "capacity_inodes"),
        ("enable_acl", "acl"),
        ("changelog", "changelog"),
        ("changelog_max_age", "changelog_max_age_s"),
    ):
        if flag in changes:
            wanted[name] = changes[flag]
    if "trash_days" in changes:
        wanted["trash_s"] = changes["trash_days"] * _DAY_S
    return replace(settings, **wanted) if wanted else settings


def _sealed_anew(record: Format, old: bytes, new_file: Path) -> Format:
    if record.encryption == "none":
        raise BadInput("--new-passphrase-file: the volume is not encrypted")
    key = open_key(record.wrapped_key, old)
    return record.changed(wrapped_key=seal_key(key, passphrase(new_file)))
