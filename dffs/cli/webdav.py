"""``dffs webdav``: a volume by WebDAV."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click

from dffs.cli.entry import META_URL
from dffs.cli.gateway import parse_address
from dffs.cli.targets import open_volume
from dffs.cli.volumeflags import Flags, volume_flags
from dffs.tree import Tree

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("webdav")
@META_URL
@click.argument("address", default="127.0.0.1:9007", metavar="[HOST:PORT]")
@click.option("--cert-file", type=_FILE, help="Certificate chain (PEM): serve https.")
@click.option("--key-file", type=_FILE, help="Its private key (PEM).")
@click.option("--threads", type=click.IntRange(1, 1000), default=50, show_default=True)
@volume_flags
def command(
    meta_url: str,
    address: str,
    cert_file: Path | None,
    key_file: Path | None,
    threads: int,
    flags: Flags,
) -> None:
    """Serve a volume by WebDAV. $WEBDAV_USER and $WEBDAV_PASSWORD say who may.

    Without a user it listens at 127.0.0.1 only.
    """
    from dffs.webdav.service import WebdavOptions, WebdavServer

    host, port = parse_address(address)
    user, password = os.environ.get("WEBDAV_USER"), os.environ.get("WEBDAV_PASSWORD")
    users = {user: password} if user and password else {}
    options = WebdavOptions(host, port, users, flags["read_only"], threads, cert_file, key_file)
    with open_volume(meta_url, flags) as volume:
        server = WebdavServer(Tree(volume.meta, volume.files), options)

        def stop(_number: int, _frame: object) -> None:
            threading.Thread(target=server.stop).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        click.echo(f"WebDAV of volume {volume.name} at {host}:{server.port}")
        server.serve()
