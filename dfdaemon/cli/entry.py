"""What every command shares: from a click command to an exit code, and values as people write them.

Errors are one line on stderr; exit code 2 means that the input makes no sense, 1 that the work failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import click

from dfcore.digest import Digest
from dfcore.errors import BadInput
from dfcore.quantities import parse_duration, parse_size
from dfinfra import lifecycle

T = TypeVar("T")


def entry(command: click.Command, prog: str) -> Callable[[], int]:
    """The console script of a command; returns the exit code."""

    def main() -> int:
        return lifecycle.main_guard(lambda: _invoke(command), prog=prog)

    return main


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work on a loop of its own; Ctrl-C cancels it and is raised afterwards."""
    return asyncio.run(work)


def _invoke(command: click.Command) -> int:
    try:
        return int(command.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        raise BadInput(error.format_message()) from error
    except click.exceptions.Abort:
        return 130


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


class HeaderType(click.ParamType):  # type: ignore[type-arg]
    """``Name: value``; several in one environment variable stand on lines of their own.

    Errors name no value, it may be a secret.
    """

    name = "header"
    envvar_list_splitter = "\n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Called by click."""
        if isinstance(value, tuple):
            return value
        name, colon, content = str(value).partition(":")
        if not colon or not name.strip() or not name.strip().isascii() or " " in name.strip():
            self.fail("a header is written 'Name: value'", param, ctx)
        if any(c in content for c in "\r\n\0"):
            self.fail(f"the value of {name.strip()} holds a line break", param, ctx)
        return name.strip(), content.strip()


SIZE = Parsed("size", parse_size)
DURATION = Parsed("duration", parse_duration)
DIGEST = Parsed("algorithm:value", Digest.parse)
HEADER = HeaderType()
