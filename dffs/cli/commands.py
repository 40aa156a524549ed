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
    "summary": "dffs.cli.summary",
    "clone": "dffs.cli.clone",
    "snapshot": "dffs.cli.snapshot",
    "rmr": "dffs.cli.rmr",
    "restore": "dffs.cli.restore",
    "quota": "dffs.cli.quota",
    "changelog": "dffs.cli.changelog",
    # On this node.
    "warmup": "dffs.cli.warmup",
    "stats": "dffs.cli.stats",
    "profile": "dffs.cli.profile",
    "doctor": "dffs.cli.doctor",
    "debug": "dffs.cli.debug",
    "bench": "dffs.cli.bench",
    "objbench": "dffs.cli.objbench",
    # Upkeep.
    "gc": "dffs.cli.gc",
    "fsck": "dffs.cli.fsck",
    "verify": "dffs.cli.verify",
    "dump": "dffs.cli.dump",
    "load": "dffs.cli.load",
    # To and from elsewhere.
    "sync": "dffs.cli.sync",
    "gateway": "dffs.cli.gateway",
    "webdav": "dffs.cli.webdav",
}
