"""``dffs gateway``: S3 in front of a volume."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dfcore.errors import BadInput
from dffs import places
from dffs.cli.entry import META_URL
from dffs.cli.targets import open_volume
from dffs.cli.volumeflags import Flags, volume_flags
from dffs.vfs.kernel.background import in_background
from dfinfra import logs
from dfinfra.lifecycle import run_loop

if TYPE_CHECKING:
    from dffs.gateway.service import GatewayOptions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("gateway")
@META_URL
@click.argument("address", default="127.0.0.1:9000", metavar="[HOST:PORT]")
@click.option("--keys", "key_file", type=_FILE,
              help="Lines `access-key:secret-key`. [or $DFFS_ACCESS_KEY, $DFFS_SECRET_KEY]")  # fmt: skip
@click.option("--multi-buckets", is_flag=True, help="Directories at the root are the buckets.")
@click.option("--domain", default="", help="Buckets as host names below this one as well.")
@click.option("--cert-file", type=_FILE, help="Certificate chain (PEM): serve https.")
@click.option("--key-file", "tls_key_file", type=_FILE, help="Its private key (PEM).")
@click.option("--threads", type=click.IntRange(1, 256), default=32, show_default=True)
@click.option("-d", "--background", is_flag=True, help="Go on in the background once it serves.")
@click.option("--log", type=click.Path(path_type=Path), help="Log file of one in background.")
@click.option("--log-level", default="info", show_default=True)
@volume_flags
def command(
    meta_url: str,
    address: str,
    key_file: Path | None,
    multi_buckets: bool,
    domain: str,
    cert_file: Path | None,
    tls_key_file: Path | None,
    threads: int,
    background: bool,
    log: Path | None,
    log_level: str,
    flags: Flags,
) -> int:
    """Serve a volume by the S3 API (signature version 4), for boto3, aws-cli, rclone and the like.

    The only bucket is named as the volume. What is uploaded is at once a file on every mount; equal
    content is stored once, and is not even sent where the client waits to be asked for it.
    """
    from dffs.gateway.keys import load_keys
    from dffs.gateway.service import GatewayOptions

    host, port = parse_address(address)
    options = GatewayOptions(
        host=host,
        port=port,
        keys=load_keys(key_file),
        multi_buckets=multi_buckets,
        domain=domain,
        read_only=flags["read_only"],
        threads=threads,
        tls=tls_context(cert_file, tls_key_file),
    )

    def work(on_ready: Callable[[], None]) -> int:
        folder = (log or places.log_file().with_name("gateway")).parent if background else None
        logs.setup("gateway", folder, level=log_level, console=not background)
        return serve_volume(meta_url, flags, options, on_ready)

    return in_background(work, log) if background else work(lambda: None)


def serve_volume(
    meta_url: str, flags: Flags, options: GatewayOptions, on_ready: Callable[[], None]
) -> int:
    """Open the volume and serve it until a signal."""
    from dffs.gateway.service import serve

    with open_volume(meta_url, flags) as volume:

        def ready(bound: int) -> None:
            click.echo(f"S3 of volume {volume.name} at {options.host}:{bound}")
            on_ready()

        return run_loop(lambda: serve(volume, options, ready))


def parse_address(text: str) -> tuple[str, int]:
    """Host and port. Raises BadInput."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise BadInput(f"{text}: an address is HOST:PORT")
    return host.strip("[]") or "0.0.0.0", int(port)


def tls_context(cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext | None:
    """For https, if a certificate is named. Raises BadInput."""
    if cert_file is None and key_file is None:
        return None
    if cert_file is None or key_file is None:
        raise BadInput("--cert-file and --key-file belong together")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert_file, key_file)
    except (ssl.SSLError, OSError) as error:
        raise BadInput(f"{cert_file}, {key_file}: no certificate with its key: {error}") from error
    return context
