"""``dffs load``: fill an empty metadata engine from a dump, of the same kind of engine or another."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from dfcore.errors import BadInput
from dffs.cli.entry import META_URL
from dffs.format import Format
from dffs.meta.fs import open_meta


@click.command("load")
@META_URL
@click.argument("file", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--access-key", envvar="ACCESS_KEY", help="Of the bucket. [or $ACCESS_KEY]")
@click.option("--secret-key", envvar="SECRET_KEY", help="Of the bucket. [or $SECRET_KEY]")
def command(
    meta_url: str, file: Path | None, access_key: str | None, secret_key: str | None
) -> None:
    """Read FILE or stdin, as `dffs dump` wrote it, into an engine that holds no volume.

    A dump without secrets needs the bucket's keys again.
    """
    meta = open_meta(meta_url)
    try:
        count = meta.load(_lines(file))
        if access_key or secret_key:
            record = Format.from_json(meta.get_format().decode())
            changed = record.changed(
                access_key=access_key or record.access_key,
                secret_key=secret_key or record.secret_key,
            )
            meta.set_format(changed.to_json().encode())
    except ValueError as error:
        raise BadInput(f"{file or 'stdin'}: not a dump of a volume: {error}") from error
    finally:
        meta.close()
    click.echo(f"{count} records", err=True)


def _lines(file: Path | None) -> Iterator[bytes]:
    if file is None:
        yield from sys.stdin.buffer
        return
    stream: IO[bytes]
    with file.open("rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
    with gzip.open(file) if gzipped else file.open("rb") as stream:  # type: ignore[assignment]
        yield from stream
