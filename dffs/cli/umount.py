"""``dffs umount``: end a mount."""

from __future__ import annotations

import errno
from pathlib import Path

import click

from dfcore.errors import MeganeuraError
from dffs.fuse import mount as mounts
from dffs.vfs.kernel.mounting import KIND


@click.command("umount")
@click.argument("mount_point", type=Path)  # not click.Path: it would look at a hanging mount
@click.option("-f", "--force", is_flag=True, help="Even if it is in use: it goes out of sight.")
@click.option("--flush", is_flag=True, help="Wait until what was written is stored.")
def command(mount_point: Path, force: bool, flush: bool) -> None:
    """Unmount a volume. Written bytes are stored by every close() already, unless --writeback."""
    point = mount_point.absolute()
    there = mounts.find_mount(point)
    if there is None or there.kind != KIND:
        raise MeganeuraError(f"{point}: no volume is mounted there")
    try:
        mounts.umount(point, lazy=force)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise MeganeuraError(f"{point} is in use; --force takes it out of sight") from error
        raise
    if flush:
        mounts_gone(there.minor)


def mounts_gone(minor: int) -> None:
    """Wait until the mount's process has ended."""
    import time

    while (
        any(mount.minor == minor for mount in mounts.mounts()) or mounts.waiting(minor) is not None
    ):
        time.sleep(0.1)
