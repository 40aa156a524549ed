"""Which commands `dffs` has: a name, and the module whose `command` it is. Imported when used."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    # A volume: dffs.cli.format and its neighbours.
    "format": "dffs.cli.format",
    "config": "dffs.cli.config",
    "status": "dffs.cli.status",
    "destroy": "dffs.cli.destroy",
    # A mount.
    "mount": "dffs.cli.mount",
    "umount": "dffs.cli.umount",
    # What is in it.
    "info": "dffs.cli.info",
}
