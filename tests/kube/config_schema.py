"""JSON Schema of a service's file, from the dataclasses that read it (``dfinfra.config``).

Used for the `config` keys of the chart's values: a key that the service does not know is refused by helm
already, by its name.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfinfra.configvalues import Bounds, Quantity, key_of

Schema = dict[str, Any]
# Helm reads numbers of values as floats and writes large ones so: both are taken.
_PLAIN: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": ["string", "number"]},
    Path: {"type": "string"},
    Any: {},
}


def of_class(cls: type[Any]) -> Schema:
    """An object with the class's keys and no others; none is required, since values are merged."""
    hints = typing.get_type_hints(cls, include_extras=True)
    properties = {
        key_of(field): _of(hints[field.name], field.name)
        for field in dataclasses.fields(cls)
        if field.init
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _of(hint: Any, name: str) -> Schema:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(args, name)
    if origin in (typing.Union, types.UnionType):
        return _either([_of(arg, name) for arg in args])
    if hint is types.NoneType:
        return {"type": "null"}
    if hint in (int, float) and name.endswith(("_s", "_bytes")):
        return {"type": ["string", "number"]}
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin is not None:
        return _container(origin, args, name)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return of_class(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    return dict(_PLAIN[hint])


def _annotated(args: tuple[Any, ...], name: str) -> Schema:
    base, *marks = args
    if any(isinstance(mark, Quantity) for mark in marks):
        return {"type": ["string", "number"]}
    schema = _of(base, name)
    for mark in marks:
        if isinstance(mark, Bounds):
            schema |= {"minimum": mark.low, "maximum": mark.high}
    return schema


def _container(origin: Any, args: tuple[Any, ...], name: str) -> Schema:
    if issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(args[1], "")}
    return {"type": "array", "items": _of(args[0], name)}


def _either(schemas: list[Schema]) -> Schema:
    """One of several; what has a mere type is put together, so that errors stay short."""
    if all(set(schema) == {"type"} for schema in schemas):
        kinds: list[str] = []
        for schema in schemas:
            kind = schema["type"]
            kinds += kind if isinstance(kind, list) else [kind]
        return {"type": list(dict.fromkeys(kinds))}
    rest = [schema for schema in schemas if schema != {"type": "null"}]
    if len(rest) == 1:  # `key:` with nothing below it means the default
        kind = rest[0].get("type")
        if kind is not None:
            return rest[0] | {"type": [*([kind] if isinstance(kind, str) else kind), "null"]}
    return {"anyOf": schemas}
