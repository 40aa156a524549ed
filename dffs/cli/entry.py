"""What every command shares: from a click command to an exit code, values as people write them.

Errors are one line on stderr; exit code 2 means that the input makes no sense, 1 that the work failed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dfcore.quantities import parse_size
from dffs.named import meta_url_of
from dfinfra.command import Parsed

T = TypeVar("T")

PASSPHRASE_VARIABLE = "MEGANEURA_PASSPHRASE"
_BIT_RATE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SHORT_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGTP])", re.I)


def _size(text: str) -> int:
    """As users of JuiceFS write sizes: `4M` and `100G` are powers of 1024."""
    match = _SHORT_SIZE.fullmatch(text.strip())
    return parse_size(f"{match[1]}{match[2]}iB" if match else text)


def _rate(text: str) -> int:
    """A bare number is megabits a second, a size bytes a second."""
    if _BIT_RATE.fullmatch(text.strip()):
        return int(float(text) * 1_000_000 / 8)
    return _size(text)


SIZE: Parsed[int] = Parsed("size", _size)
RATE: Parsed[int] = Parsed("rate", _rate)


def _meta_url(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    """`dffs://NAME` stands for the URL that the user has noted under that name: a password need not
    be where every process can read it."""
    if not text.startswith("dffs://"):
        return text
    return meta_url_of(text.removeprefix("dffs://").rstrip("/"))


META_URL = click.argument("meta_url", metavar="META-URL", callback=_meta_url)


def passphrase_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--passphrase-file`; the environment variable MEGANEURA_PASSPHRASE does as well."""
    return click.option(
        "--passphrase-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"File with the passphrase of an encrypted volume. [or ${PASSPHRASE_VARIABLE}]",
    )(function)


def passphrase(file: Path | None) -> bytes:
    """What the user gave; empty if nothing."""
    if file is not None:
        return file.read_bytes().strip()
    return os.environ.get(PASSPHRASE_VARIABLE, "").encode()
