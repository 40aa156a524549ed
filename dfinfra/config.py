"""Configuration: a YAML file (and flags) into frozen dataclasses, with errors of one line.

Every service describes its configuration as nested frozen dataclasses with defaults and
calls :func:`load`. The YAML key of a field is its name in camelCase without a unit suffix
(``announce_interval_s`` is ``announceInterval``), or what ``field(metadata={"key": …})`` says.
A field is a quantity if it is annotated :data:`Seconds` or :data:`Bytes` or its name ends with
``_s`` or ``_bytes``: it takes ``30s`` and ``4MiB`` as well as numbers. Unknown keys, wrong
types and the ValueErrors of ``__post_init__`` become ConfigErrors that name the key.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from dfcore.errors import ConfigError
from dfinfra import yamltree
from dfinfra.configvalues import Bounds, FlagText, Place, Quantity, convert, key_of, refuse

__all__ = ["Bytes", "Percent", "Port", "Seconds", "load"]

T = TypeVar("T")

Bytes = Annotated[int, Quantity.BYTES]
Seconds = Annotated[float, Quantity.SECONDS]
Port = Annotated[int, Bounds(0, 65535, "a port, 0 to 65535")]
Percent = Annotated[float, Bounds(0, 100, "a percentage, 0 to 100")]


def load(cls: type[T], path: Path | str | None, overrides: Mapping[str, str] | None = None) -> T:
    """Read ``path`` (None: defaults only) into ``cls``.

    ``overrides`` maps dotted YAML keys (``proxy.tcpListen.port``) to their text, as given by
    flags; they win over the file. Raises ConfigError.
    """
    tree = {} if path is None else yamltree.read(Path(path))
    for key, text in (overrides or {}).items():
        _overlay(tree, key, text)
    where = f"{path}: " if path is not None else ""
    try:
        return _build(cls, tree, "")
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from error.__cause__


def _overlay(tree: dict[str, Any], key: str, text: str) -> None:
    *sections, last = key.split(".")
    node = tree
    for section in sections:
        inner = node.get(section)
        if not isinstance(inner, dict):
            inner = {}
            node[section] = inner
        node = inner
    node[last] = FlagText(text)


def _build(cls: type[T], tree: object, path: str) -> T:
    if not isinstance(tree, Mapping):
        raise refuse(path, tree, "a mapping of keys to values")
    assert dataclasses.is_dataclass(cls)
    fields = {key_of(field): field for field in dataclasses.fields(cls) if field.init}
    hints = typing.get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    for key, raw in tree.items():
        field = fields.get(str(key))
        if field is None:
            raise ConfigError(f"{_join(path, str(key))}: unknown key{_nearest(str(key), fields)}")
        if raw is None and not _takes_none(hints[field.name]):
            continue  # `section:` with nothing below it means the defaults
        place = Place(_join(path, str(key)), field.name)
        values[field.name] = convert(hints[field.name], raw, place, _build)
    for key, field in fields.items():
        if field.name not in values and _is_required(field):
            raise ConfigError(f"{_join(path, key)}: missing, it has no default")
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}" if path else str(error)) from error


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _nearest(key: str, known: Mapping[str, object]) -> str:
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower().replace("_", ""), folded, n=1, cutoff=0.5)
    if near:
        return f", nearest is '{folded[near[0]]}'"
    return f", allowed: {', '.join(sorted(known))}" if known else ""


def _is_required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _takes_none(hint: Any) -> bool:
    return hint is Any or type(None) in typing.get_args(hint)
