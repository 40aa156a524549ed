"""``dffs destroy``: remove a volume with all its objects."""

from __future__ import annotations

import time

import click

from dfcore.errors import BadInput, MeganeuraError
from dffs.cli.entry import META_URL
from dffs.format import Format
from dffs.meta.fs import open_meta
from dffs.object.opening import Location, open_store

_BATCH = 500


@click.command("destroy")
@META_URL
@click.argument("uuid")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even if clients use it, or the bucket is away.")
def command(meta_url: str, uuid: str, yes: bool, force: bool) -> None:
    """Remove the volume with this UUID (see `dffs status`): metadata and objects. For good."""
    meta = open_meta(meta_url)
    try:
        record = Format.from_json(meta.get_format().decode())
        if record.uuid != uuid:
            raise BadInput(f"the volume here is {record.name} with UUID {record.uuid}")
        alive = [info for info in meta.sessions() if info.expires_ns > time.time_ns()]
        if alive and not force:
            hosts = ", ".join(sorted({info.host for info in alive}))
            raise MeganeuraError(
                f"{len(alive)} clients use it (on {hosts}); --force does it anyway"
            )
        if not yes:
            click.confirm(f"Remove volume {record.name} with everything in it?", abort=True)
        removed = remove_objects(record, force=force)
        meta.destroy()
    finally:
        meta.close()
    click.echo(f"volume {record.name} is removed, and {removed} objects")


def remove_objects(record: Format, *, force: bool) -> int:
    """Delete every object of a volume; how many there were."""
    count = 0
    try:
        store = open_store(Location.of(record))
        batch: list[str] = []
        for info in store.list(f"{record.name}/"):
            batch.append(info.name)
            if len(batch) == _BATCH:
                store.delete(batch)
                count, batch = count + len(batch), []
        if batch:
            store.delete(batch)
            count += len(batch)
        store.close()
    except MeganeuraError:
        if not force:
            raise
    return count
