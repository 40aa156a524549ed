"""Lists for people and for scripts: a table on a terminal, JSON on demand.

A row is a plain mapping that JSON prints as it is; columns say how people see it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from dfcore.quantities import format_size

Row = Mapping[str, Any]
_WIDE = 10_000


@dataclass(frozen=True)
class Column:
    """One column: its title, the key in the row, and how the value is written."""

    title: str
    key: str
    show: Callable[[Any], str] = str
    right: bool = False


def size(value: int | None) -> str:
    """Bytes, as people read them."""
    return "" if value is None else format_size(value)


def size_if_known(value: int) -> str:
    """Bytes of something whose size a scheduler tells as 0 until it knows it."""
    return format_size(value) if value else "?"


def show_rows(rows: Sequence[Row], columns: Iterable[Column], *, as_json: bool) -> None:
    """Print rows to stdout."""
    if as_json:
        print(json.dumps(list(rows), indent=2))
        return
    columns = list(columns)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column.title, justify="right" if column.right else "left", overflow="fold", no_wrap=True
        )
    for row in rows:
        table.add_row(*(_cell(row[column.key], column.show) for column in columns))
    _print(table)


def show_one(row: Row, *, as_json: bool) -> None:
    """Print one thing with all that is known of it."""
    if as_json:
        print(json.dumps(row, indent=2))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in row.items():
        if value not in (None, "", [], {}):
            table.add_row(key.replace("_", " "), _cell(value, _plain))
    _print(table)


def _print(table: Table) -> None:
    """In a pipe lines are as long as they need to be, and end where their text ends."""
    console = Console(markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(table)
        return
    wide = Console(width=_WIDE, markup=False, emoji=False, color_system=None)
    with wide.capture() as captured:
        wide.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def _cell(value: Any, show: Callable[[Any], str]) -> str:
    # What other hosts say must not move the cursor of this terminal.
    text = "" if value is None else show(value)
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {content}" for name, content in value.items())
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return str(value)
