"""What every command shares: from a click command to an exit code, values as people write them.

Errors are one line on stderr; exit code 2 means that the input makes no sense, 1 that the work failed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from dfcore.errors import BadInput, MeganeuraError
from dfcore.quantities import parse_duration, parse_size
from dffs.named import meta_url_of
from dfinfra import lifecycle

T = TypeVar("T")

PASSPHRASE_VARIABLE = "MEGANEURA_PASSPHRASE"
_BIT_RATE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SHORT_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGTP])", re.I)


def entry(command: click.Command, prog: str) -> Callable[[], int]:
    """The console script of a command; returns the exit code."""

    def main() -> int:
        return lifecycle.main_guard(lambda: _invoke(command), prog=prog)

    return main


def _invoke(command: click.Command) -> int:
    try:
        return int(command.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        raise BadInput(error.format_message()) from error
    except click.exceptions.Abort:
        return 130
    except OSError as error:
        raise MeganeuraError(_told(error)) from error


def _told(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


class Parsed(click.ParamType, Generic[T]):  # type: ignore[type-arg]  # generic in newer ones only
    """An option's value, read by a function that raises BadInput."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Called by click; values that come from defaults are converted already."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


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
DURATION: Parsed[float] = Parsed("duration", parse_duration)


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
