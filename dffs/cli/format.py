"""``dffs format``: make a volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dfcore.errors import BadInput, MeganeuraError
from dffs import places
from dffs.cli.entry import META_URL, RATE, SIZE, passphrase, passphrase_option
from dffs.cli.report import show
from dffs.format import COMPRESSIONS, MIB, Format
from dffs.meta.types import MetaError, Settings
from dffs.object.opening import STORAGES
from dffs.volume import Volume

DAY_S = 86400.0


@click.command("format")
@META_URL
@click.argument("name")
@click.option("--storage", type=click.Choice(STORAGES), default="file", show_default=True)
@click.option("--bucket", default="", help="Where the objects go.  [default: a local folder]")
@click.option("--region", default="", help="Of an S3 bucket.")
@click.option("--access-key", default="", envvar="ACCESS_KEY", help="[or $ACCESS_KEY]")
@click.option("--secret-key", default="", envvar="SECRET_KEY", help="[or $SECRET_KEY]")
@click.option("--session-token", default="", envvar="SESSION_TOKEN", help="[or $SESSION_TOKEN]")
@click.option("--block-size", type=SIZE, default=4 * MIB, show_default="4M")
@click.option("--compress", type=click.Choice(COMPRESSIONS), default="none", show_default=True)
@click.option("--encrypt", is_flag=True, help="Encrypt blocks (AES-256-GCM) under a passphrase.")
@passphrase_option
@click.option("--capacity", type=SIZE, default=0, help="Most bytes in the volume; 0 is no limit.")
@click.option("--inodes", type=click.IntRange(0), default=0, help="Most files; 0 is no limit.")
@click.option("--trash-days", type=click.FloatRange(0), default=1.0, show_default=True)
@click.option("--enable-acl", is_flag=True, help="POSIX ACLs. Cannot be turned off again.")
@click.option(
    "--public-files",
    is_flag=True,
    help="Everybody may have the files: nodes pass them on to each other without TLS, too.",
)
@click.option("--changelog", is_flag=True, help="Keep a feed of all changes.")
@click.option(
    "--upload-limit", type=RATE, default=0, help="A number of Mbit/s, or a size a second."
)
@click.option("--download-limit", type=RATE, default=0)
@click.option("--force", is_flag=True, help="Even if the engine or the bucket holds a volume.")
def command(
    meta_url: str,
    name: str,
    storage: str,
    bucket: str,
    encrypt: bool,
    passphrase_file: Path | None,
    force: bool,
    **given: Any,
) -> None:
    """Make a volume named NAME in the engine at META-URL.

    META-URL is sqlite:///PATH, redis://, rediss://, postgresql:// or mysql://.
    """
    if storage == "file":
        bucket = str(Path(bucket or places.bucket_folder()).expanduser().absolute())
    secret = passphrase(passphrase_file)
    if encrypt and not secret:
        raise BadInput("--encrypt: --passphrase-file or $MEGANEURA_PASSPHRASE is missing")
    record = Format(
        name,
        storage=storage,
        bucket=bucket,
        region=given["region"],
        access_key=given["access_key"],
        secret_key=given["secret_key"],
        session_token=given["session_token"],
        block_size_bytes=given["block_size"],
        compression=given["compress"],
        encryption="aes256gcm" if encrypt else "none",
        public_files=given["public_files"],
        upload_limit_bytes_s=given["upload_limit"],
        download_limit_bytes_s=given["download_limit"],
    )
    settings = Settings(
        block_size_bytes=given["block_size"],
        capacity_bytes=given["capacity"],
        capacity_inodes=given["inodes"],
        trash_s=given["trash_days"] * DAY_S,
        acl=given["enable_acl"],
        changelog=given["changelog"],
    )
    try:
        record = Volume.format_new(meta_url, record, settings, passphrase=secret, force=force)
    except MetaError as error:
        raise MeganeuraError(
            f"the engine holds a volume already ({error.strerror}): `dffs config` changes it,"
            " --force makes a new one"
        ) from error
    show(record.public())
