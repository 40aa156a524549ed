"""Turns one raw YAML value into what a dataclass field wants, or says why not.

The typed half of ``dfinfra.config``; pure. Knows dataclasses, tuples and lists, string
mappings, enums, literals, optional and alternative types, paths, and quantities.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from dfcore.errors import ConfigError
from dfcore.quantities import parse_duration, parse_size
from dfinfra import yamltree
from dfinfra.redact import redact

Builder = Callable[[Any, object, str], Any]


class Quantity(enum.Enum):
    """Marks a number that a person writes with a unit."""

    BYTES = "a size such as 4MiB or a number of bytes"
    SECONDS = "a duration such as 30s or a number of seconds"


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """Marks a number that must lie between two others, both included."""

    low: float
    high: float
    what: str


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its dotted key, and the name of the dataclass field."""

    path: str
    field_name: str

    def inner(self, path: str) -> Place:
        """A place below this one; members of a list are quantities if the list is one."""
        return Place(path, self.field_name)


class FlagText(str):
    """A value given as text by a flag: YAML decides what it is, unless text is wanted."""

    __slots__ = ()


def key_of(field: dataclasses.Field[Any]) -> str:
    """The YAML key of a dataclass field."""
    key = field.metadata.get("key")
    if key is not None:
        return str(key)
    name = re.sub(r"_(s|bytes)$", "", field.name)
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def refuse(path: str, raw: object, allowed: str) -> ConfigError:
    """The error for a value that is not allowed; secrets are not repeated."""
    shown = redact(raw, path.rpartition(".")[2])
    shown = "nothing" if shown is None else repr(shown)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return ConfigError(f"{path or 'the file'}: {shown} is not allowed, must be {allowed}")


def convert(hint: Any, raw: Any, place: Place, build: Builder) -> Any:
    """The value of ``hint``'s type that ``raw`` means; ``build`` makes nested dataclasses."""
    path, name = place.path, place.field_name
    if isinstance(raw, FlagText):
        raw = str(raw) if _base(hint) in (str, Path) else yamltree.scalar(raw, path)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(args, raw, place, build)
    if origin in (Union, types.UnionType):
        return _alternative(args, raw, place, build)
    if hint in (int, float) and name.endswith(("_s", "_bytes")):
        kind = Quantity.SECONDS if name.endswith("_s") else Quantity.BYTES
        return _quantity(kind, hint, raw, path)
    if origin is Literal:
        if raw not in args:
            raise refuse(path, raw, "one of " + ", ".join(map(str, args)))
        return raw
    if origin is not None:
        return _container(origin, args, raw, place, build)
    if dataclasses.is_dataclass(hint):
        return build(hint, raw, path)
    return _plain(hint, raw, path)


def _annotated(args: Sequence[Any], raw: Any, place: Place, build: Builder) -> Any:
    base, *marks = args
    for mark in marks:
        if isinstance(mark, Quantity):
            return _quantity(mark, base, raw, place.path)
    value = convert(base, raw, place, build)
    for mark in marks:
        if isinstance(mark, Bounds) and not mark.low <= value <= mark.high:
            raise refuse(place.path, raw, mark.what)
    return value


def _alternative(args: Sequence[Any], raw: Any, place: Place, build: Builder) -> Any:
    if raw is None and type(None) in args:
        return None
    error: ConfigError | None = None
    for arg in args:
        if arg is type(None):
            continue
        try:
            return convert(arg, raw, place, build)
        except ConfigError as refused:
            error = error or refused
    assert error is not None
    raise error


def _container(origin: Any, args: Sequence[Any], raw: Any, place: Place, build: Builder) -> Any:
    if issubclass(origin, Mapping):
        return _mapping(args, raw, place, build)
    if not isinstance(raw, list):
        raise refuse(place.path, raw, "a list")
    if issubclass(origin, tuple) and args[1:] != (Ellipsis,):
        raise TypeError(f"{place.path}: a tuple in a configuration is tuple[X, ...]")
    made = [
        convert(args[0], value, place.inner(f"{place.path}[{i}]"), build)
        for i, value in enumerate(raw)
    ]
    return frozenset(made) if issubclass(origin, frozenset) else tuple(made)


def _mapping(args: Sequence[Any], raw: Any, place: Place, build: Builder) -> dict[Any, Any]:
    if not isinstance(raw, Mapping):
        raise refuse(place.path, raw, "a mapping of keys to values")
    return {
        convert(args[0], key, Place(place.path, ""), build): convert(
            args[1], value, place.inner(f"{place.path}.{key}"), build
        )
        for key, value in raw.items()
    }


def _quantity(kind: Quantity, base: Any, raw: Any, path: str) -> Any:
    if isinstance(raw, str):
        try:
            raw = (parse_size if kind is Quantity.BYTES else parse_duration)(raw)
        except ValueError:
            raise refuse(path, raw, kind.value) from None
    if not _is_number(raw, whole=base is int) or raw < 0:
        raise refuse(path, raw, kind.value)
    return base(raw)


def _is_number(raw: Any, *, whole: bool) -> bool:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not math.isfinite(raw):
        return False
    return not whole or raw == int(raw)


def _plain(hint: Any, raw: Any, path: str) -> Any:
    if hint is Any:
        return raw
    if hint is bool:
        if not isinstance(raw, bool):
            raise refuse(path, raw, "true or false")
        return raw
    if hint in (int, float):
        if not _is_number(raw, whole=hint is int):
            raise refuse(path, raw, "a whole number" if hint is int else "a number")
        return hint(raw)
    if hint in (str, Path):
        return _text(hint, raw, path)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        for member in hint:
            if raw in (member.value, member.name):
                return member
        raise refuse(path, raw, "one of " + ", ".join(str(member.value) for member in hint))
    raise TypeError(f"{path}: a configuration field cannot be of type {hint}")


def _text(hint: Any, raw: Any, path: str) -> Any:
    # A number or yes/no without quotes is text where text is wanted (a name like 1234).
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise refuse(path, raw, "a path" if hint is Path else "text")
    return hint(str(raw))


def _base(hint: Any) -> Any:
    """The type that decides how a flag's text is read."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _base(args[0])
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        return _base(inner[0]) if len(inner) == 1 else None
    return hint
