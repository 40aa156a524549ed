"""The OpenAPI document, made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from manager.auth.identify import CSRF_HEADER, SESSION_COOKIE
from manager.rest.routes import MAX_ID, Failure, Route

_REF = "#/components/schemas/{model}"
_PART = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_MEANINGS = {
    400: "the input makes no sense",
    401: "not signed in, or the token is not valid",
    403: "not permitted",
    404: "there is none",
    409: "the name is taken, or it is still in use",
    413: "the body is too large",
    422: "the body or the query is not as described here",
    429: "asked too often",
    503: "the database or the swarm does not answer; try again",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document."""
    told = [route for route in routes if route.documented]
    schemas = _schemas(told)
    paths: dict[str, dict[str, Any]] = {}
    for route in told:
        path = _PART.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Meganeura manager",
            "version": version("meganeura"),
            "description": "Clusters, jobs, models, users. Errors have a body with a `message`.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A personal access token, or the token of a sign-in.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": f"Changes by cookie need the header {CSRF_HEADER} as well.",
                },
            },
        },
    }


def _schemas(routes: list[Route]) -> dict[str, Any]:
    inputs = {route.body for route in routes if route.body is not None}
    outputs = {model for route in routes if (model := _model(route.answer)) is not None}
    wanted: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in inputs]
    wanted += [(model, "serialization") for model in outputs - inputs]
    wanted.append((Failure, "serialization"))
    wanted.sort(key=lambda one: one[0].__name__)
    _, made = models_json_schema(wanted, ref_template=_REF)
    return dict(sorted(made["$defs"].items()))


def _model(answer: Any) -> type[BaseModel] | None:
    inner = getattr(answer, "__args__", (answer,))[0]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tags": [route.tag or _tag(route.path)],
        "summary": route.summary,
        "operationId": _name(route),
        "parameters": [*_path_parameters(route.path), *_query_parameters(route)],
        "responses": _responses(route),
        "security": [],
    }
    if route.permission is not None:
        found["security"] = [{"bearer": []}, {"cookie": []}]
        found["description"] = f"Needs `{route.permission}`."
    if route.body is not None:
        schema = {"$ref": _REF.format(model=route.body.__name__)}
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return found


def _responses(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "done"}
    if route.answer is not None:
        answer["content"] = {"application/json": {"schema": _answer_schema(route.answer)}}
    found = {str(route.status): answer}
    codes: dict[int, str] = {}
    if route.permission is not None:
        codes |= {401: _MEANINGS[401], 403: _MEANINGS[403]}
    if _PART.search(route.path):
        codes[404] = _MEANINGS[404]
    if route.body is not None or route.query is not None:
        codes |= {400: _MEANINGS[400], 422: _MEANINGS[422]}
    if route.method != "GET":
        codes |= {number: _MEANINGS[number] for number in (400, 403, 404, 409, 413)}
    codes |= {503: _MEANINGS[503]} | dict(route.refusals)
    schema = {"application/json": {"schema": {"$ref": _REF.format(model="Failure")}}}
    for number in sorted(codes):
        found[str(number)] = {"description": codes[number], "content": schema}
    return found


def _answer_schema(answer: Any) -> dict[str, Any]:
    model = _model(answer)
    if model is None:
        return TypeAdapter(answer).json_schema()
    reference = {"$ref": _REF.format(model=model.__name__)}
    return reference if answer is model else {"type": "array", "items": reference}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in _PART.findall(path)
    ]


def _path_schema(name: str) -> dict[str, Any]:
    if name == "id" or name.endswith("_id"):
        return {"type": "integer", "minimum": 1, "maximum": MAX_ID}
    return {"type": "string", "minLength": 1}


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _not_null(inner)}
        for name, inner in schema.get("properties", {}).items()
    ]


def _not_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A query parameter is there or not; it is never null."""
    found = {key: value for key, value in schema.items() if key not in ("title", "default")}
    options = [one for one in found.pop("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        found |= options[0]
    elif options:
        found["anyOf"] = options
    return found


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "v1" else parts[0] or "manager"


def _name(route: Route) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", route.path).strip("_")
    return f"{route.method.lower()}_{words}"
