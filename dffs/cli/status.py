"""``dffs status``: what a volume is, who uses it, how full it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import click

from dffs.cli.entry import META_URL
from dffs.cli.report import show
from dffs.format import Format
from dffs.meta.fs import open_meta
from dffs.meta.types import SessionInfo, Settings


@click.command("status")
@META_URL
@click.option("--session", type=int, help="Only this one.")
def command(meta_url: str, session: int | None) -> None:
    """Show a volume's settings, its clients and its use."""
    meta = open_meta(meta_url, read_only=True)
    try:
        record = Format.from_json(meta.get_format().decode())
        usage = meta.statfs()
        clients = [info for info in meta.sessions() if session in (None, info.sid)]
        found = {
            "setting": described(record, meta.get_settings()),
            "sessions": [_told(info) for info in clients],
            "usage": {
                "used_bytes": usage.used_bytes,
                "used_inodes": usage.used_inodes,
                "capacity_bytes": usage.capacity_bytes,
                "capacity_inodes": usage.capacity_inodes,
            },
        }
    finally:
        meta.close()
    show(found)


def described(record: Format, settings: Settings) -> dict[str, Any]:
    """Format record and settings as one, without secrets."""
    return {
        **record.public(),
        "capacity_bytes": settings.capacity_bytes,
        "inodes": settings.capacity_inodes,
        "trash_days": settings.trash_s / 86400,
        "enable_acl": settings.acl,
        "changelog": settings.changelog,
    }


def _told(info: SessionInfo) -> dict[str, Any]:
    return {
        "sid": info.sid,
        "host": info.host,
        "pid": info.pid,
        "mount_point": info.mount_point,
        "version": info.version,
        "read_only": info.read_only,
        "started": _time(info.started_ns),
        "alive": info.expires_ns > time.time_ns(),
    }


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="seconds")
