"""What every command shares: its loop, and values as people write them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from dfcore.digest import Digest
from dfcore.quantities import parse_size
from dfinfra.command import Parsed

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work on a loop of its own; Ctrl-C cancels it and is raised afterwards."""
    return asyncio.run(work)


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
DIGEST = Parsed("algorithm:value", Digest.parse)
HEADER = HeaderType()
