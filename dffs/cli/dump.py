"""``dffs dump``: all metadata of a volume as lines of JSON, streamed."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, cast

import click

from dffs.cli.entry import META_URL
from dffs.format import Format
from dffs.meta.fs import open_meta


@click.command("dump")
@META_URL
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--keep-secret-key", is_flag=True, help="Leave the bucket's keys in it.")
def command(meta_url: str, file: Path | None, keep_secret_key: bool) -> None:
    """Write a volume's metadata to FILE (`.gz`: compressed) or stdout, for `dffs load`.

    The blocks stay where they are. Secrets are left out unless they are asked for.
    """
    meta = open_meta(meta_url, read_only=True)
    try:
        lines = meta.dump(redact=None if keep_secret_key else without_secrets)
        if file is None:
            _write(sys.stdout.buffer, lines)
            return
        partial = file.with_name(f".{file.name}.part")
        try:
            with partial.open("wb") as plain, _compressed(plain, file) as out:
                count = _write(out, lines)
            partial.chmod(0o600)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        click.echo(f"{count} records", err=True)
    finally:
        meta.close()


def _compressed(plain: IO[bytes], file: Path) -> AbstractContextManager[IO[bytes]]:
    if file.suffix == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=plain, mode="wb"))
    return nullcontext(plain)


def _write(out: IO[bytes], lines: Iterator[bytes]) -> int:
    count = 0
    for line in lines:
        out.write(line if line.endswith(b"\n") else line + b"\n")
        count += 1
    return count


def without_secrets(record: bytes) -> bytes:
    """The format record without what is secret. The wrapped key stays: it is sealed."""
    before = json.loads(record)
    shown = Format.from_json(record.decode()).public()
    shown["wrapped_key"] = before.get("wrapped_key", "")
    cleared = {name: "" if value == "removed" else value for name, value in shown.items()}
    return json.dumps(cleared, separators=(",", ":")).encode()
