"""Writes docs/configuration.md from the configuration classes.

``make docs`` runs it; a test compares its text with the file. The explanation of a section is the
docstring of its class, that of a key the text after the field, so the reference cannot drift.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dfcore.quantities import format_duration, format_size
from dfdaemon.config import DaemonConfig
from dfinfra.configvalues import Bounds, Quantity, key_of
from manager.config import ManagerConfig
from scheduler.config import SchedulerConfig
from seedpeer.config import ObjectStoreConfig
from tests.architecture.sources import ROOT

TARGET = ROOT / "docs" / "configuration.md"
HEAD = """\
# Configuration

One YAML file per process, named by `--config`; every key is optional. `--set KEY=VALUE` overrides one
key (`--set proxy.tcpListen.port=65002`). An unknown key, or a value that is not allowed, ends the start
with one line that names it, and exit code 2. Sizes are numbers of bytes or text such as `4MiB`,
durations numbers of seconds or text such as `30s`. Written by `make docs` from the classes that read
the files.
"""
DAEMON = """\
## dfdaemon and seedpeer

Both read the same keys; a seed goes to the origin first and has more upload slots.
"""
SEED = """\
## seedpeer alone
"""
MANAGER = """\
## manager
"""
SCHEDULER = """\
## scheduler
"""


def reference() -> str:
    """The whole document."""
    parts = [HEAD, DAEMON, *_sections(DaemonConfig, "")]
    parts += [SEED, *_sections(ObjectStoreConfig, "objectStore")]
    parts += [SCHEDULER, *_sections(SchedulerConfig, ""), MANAGER, *_sections(ManagerConfig, "")]
    return "\n".join(parts)


def _sections(cls: type[Any], path: str) -> Iterator[str]:
    """A section of the document per class, this one first."""
    hints = typing.get_type_hints(cls, include_extras=True)
    told = _told(cls)
    rows, inner = [], []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        key = f"{path}.{key_of(field)}" if path else key_of(field)
        nested = _nested(hint)
        if nested is not None:
            inner.append((nested, f"{key}[]" if _is_list(hint) else key))
        if nested is None or _is_list(hint):
            rows.append(
                f"| `{key}` | {_allowed(hint, field)} | {_default(hint, field)} |{told[field.name]}|"
            )
    if rows:
        title = f"### {path}" if path else "### At the top"
        explanation = _explanation(cls) if path else ""
        about = f"{explanation}\n\n" if explanation else ""
        head = "| key | takes | default | |\n|---|---|---|---|\n"
        yield f"{title}\n\n{about}{head}" + "\n".join(rows) + "\n"
    for nested, where in inner:
        yield from _sections(nested, where)


def _told(cls: type[Any]) -> dict[str, str]:
    """What is written about each field, after it or in ``#:`` comments before it."""
    source = inspect.getsource(cls)
    lines = source.splitlines()
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.ClassDef)
    told = dict.fromkeys((field.name for field in dataclasses.fields(cls)), " ")
    for here, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not (isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name)):
            continue
        text = _comment_before(lines, here.lineno - 1)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = str(after.value.value)
        if text:
            told[here.target.id] = f" {_as_text(cls, text)} "
    return told


def _comment_before(lines: list[str], index: int) -> str:
    found: list[str] = []
    while index > 0 and lines[index - 1].strip().startswith("#:"):
        index -= 1
        found.insert(0, lines[index].strip()[2:].strip())
    return " ".join(found)


def _explanation(cls: type[Any]) -> str:
    doc = inspect.getdoc(cls) or ""
    if doc.startswith(f"{cls.__name__}("):  # what dataclasses write if nobody else did
        return ""
    return _as_text(cls, doc)


def _as_text(cls: type[Any], text: str) -> str:
    """Docstring text with the names of fields as the keys a user writes."""
    for field in dataclasses.fields(cls):
        text = re.sub(rf"`+{field.name}`+", f"`{key_of(field)}`", text)
    paragraphs = re.split(r"\n\s*\n", text.replace("``", "`"))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _nested(hint: Any) -> type[Any] | None:
    """The dataclass behind a hint, if there is one."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return hint
    for inner in typing.get_args(hint):
        if (found := _nested(inner)) is not None:
            return found
    return None


def _is_list(hint: Any) -> bool:
    return typing.get_origin(hint) in (tuple, list, frozenset)


def _allowed(hint: Any, field: dataclasses.Field[Any]) -> str:
    quantity = _quantity(hint, field.name)
    if quantity is not None:
        return "size" if quantity is Quantity.BYTES else "duration"
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        bounds = [mark.what for mark in args[1:] if isinstance(mark, Bounds)]
        return bounds[0] if bounds else _allowed(args[0], field)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_allowed(arg, field) for arg in args if arg is not types.NoneType)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in args)
    if _is_list(hint):
        return f"list of {_plural(args[0], field)}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    names: dict[Any, str] = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true, false",
        Path: "path",
    }
    return names.get(hint, "mapping")


def _plural(hint: Any, field: dataclasses.Field[Any]) -> str:
    word = _allowed(hint, field)
    return {"text": "texts", "path": "paths", "number": "numbers", "mapping": "mappings"}.get(
        word, word
    )


def _quantity(hint: Any, name: str) -> Quantity | None:
    for mark in (hint, *typing.get_args(hint)):
        if isinstance(mark, Quantity):
            return mark
        for inner in typing.get_args(mark):
            if isinstance(inner, Quantity):
                return inner
    if {int, float} & {hint, *typing.get_args(hint)}:
        if name.endswith("_s"):
            return Quantity.SECONDS
        if name.endswith("_bytes"):
            return Quantity.BYTES
    return None


def _default(hint: Any, field: dataclasses.Field[Any]) -> str:
    missing = dataclasses.MISSING
    value = field.default_factory() if field.default_factory is not missing else field.default
    if value is missing:
        return "must be given"
    if value is None or value in ((), "", frozenset()):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    quantity = _quantity(hint, field.name)
    if quantity is Quantity.BYTES:
        return format_size(value)
    if quantity is Quantity.SECONDS:
        return format_duration(value)
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value.value if isinstance(value, enum.Enum) else value}`"


if __name__ == "__main__":
    TARGET.write_text(reference())
