"""``dfctl ca``: certificates of the cluster's hosts, and the authority that clients of a proxy trust."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import click

from dfcore.errors import BadInput, NotFound
from dfdaemon.config import state_dir
from dfinfra.authority import HOST_NAME, create_ca, load_ca, write_private

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("ca")
def group() -> None:
    """Certificate authorities: the cluster's, and the one of this node's proxy."""


@group.command("export")
@click.option("-O", "--output", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dir", "folder", type=_FOLDER, help="Where the daemon keeps it.")
def export(output: Path | None, folder: Path | None) -> None:
    """Print the certificate (PEM) that clients of the proxy must trust.

    With it, https:// through HTTPS_PROXY works for hosts that the proxy intercepts.
    """
    path = (folder or state_dir() / "daemon" / "proxy-ca") / "ca.crt"
    try:
        pem = path.read_text()
    except OSError as error:
        raise NotFound(
            f"{path}: {error.strerror}; dfdaemon makes it at its first start, --dir says where"
        ) from error
    if output is None:
        click.echo(pem, nl=False)
    else:
        write_private(output, pem.encode(), mode=0o644)


@group.command("create")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--name", default="meganeura cluster CA", show_default=True)
def create(folder: Path, name: str) -> None:
    """Make the cluster's authority in DIR (ca.crt, ca.key), or leave the one that is there.

    Whoever has ca.key can make hosts of this cluster: keep it off the nodes.
    """
    there = (folder / "ca.key").exists()
    create_ca(folder, name)
    click.echo(f"{folder / 'ca.crt'}{' was there' if there else ''}")


@group.command("issue")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--out", type=_FOLDER, required=True, help="For host.crt, host.key and ca.crt.")
@click.option("--name", required=True, help="Name of the host.")
@click.option("--ip", "ips", multiple=True, help="Address of the host. Repeatable.")
@click.option("--dns", multiple=True, help="Another name of the host. Repeatable.")
@click.option("--days", type=click.IntRange(1, 3650), default=397, show_default=True)
def issue(
    folder: Path, out: Path, name: str, ips: tuple[str, ...], dns: tuple[str, ...], days: int
) -> None:
    """Issue a host's certificate from the authority in DIR.

    Copy what is in --out to the host and name it there by security.dir.
    """
    for ip in ips:
        try:
            ipaddress.ip_address(ip)
        except ValueError:
            raise BadInput(f"--ip {ip[:100]!r} is not an IP address") from None
    authority = load_ca(folder / "ca.crt", folder / "ca.key")
    if out.resolve() == folder.resolve():
        raise BadInput("--out is the authority's own folder: its key would go to the host")
    chain, key = authority.leaf(name, names=(HOST_NAME, name, *dns, *ips), days=days)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(out / "host.key", key)
    write_private(out / "host.crt", chain, mode=0o644)
    write_private(out / "ca.crt", authority.pem, mode=0o644)
    click.echo(str(out / "host.crt"))
