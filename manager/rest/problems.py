"""Errors as answers: status, a ``message`` of one line, and where it helps a list of ``errors``."""

# The names say what happened; "Error" at the end of each would add nothing.
# ruff: noqa: N818

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import ValidationError

from dfcore.errors import BadInput, MeganeuraError, Unavailable
from dfinfra.redact import redact_text
from manager.rest.routes import Failure


class Conflict(MeganeuraError):
    """The name is taken, or the thing is still in use."""

    code = "conflict"
    http_status = 409
    grpc_code = "ALREADY_EXISTS"


class Invalid(BadInput):
    """A body or query that the route's schema does not allow."""

    code = "invalid"
    http_status = 422

    def __init__(self, message: str, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)


class TooMany(Unavailable):
    """Asked too often."""

    code = "too_many"
    http_status = 429
    grpc_code = "RESOURCE_EXHAUSTED"


def refused(error: MeganeuraError) -> web.Response:
    """The answer for an error that we raised on purpose."""
    errors = error.errors if isinstance(error, Invalid) and error.errors else None
    answer = failure(error.http_status, str(error), errors)
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        answer.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    if error.http_status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="meganeura"'
    return answer


def failure(status: int, message: str, errors: list[str] | None = None) -> web.Response:
    """An answer that says what is wrong."""
    body = Failure(message=redact_text(message), errors=errors)
    return web.Response(
        status=status,
        text=body.model_dump_json(exclude_none=True),
        content_type="application/json",
    )


def invalid(what: str, error: ValidationError) -> Invalid:
    """Pydantic's findings, one line each; the values themselves are not repeated."""
    lines = []
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in found["loc"])
        # Not `password: String …`, which would pass for a password and be hidden.
        lines.append(f"`{where}` – {found['msg']}" if where else found["msg"])
    first = lines[0] if lines else "does not fit"
    return Invalid(f"{what}: {first}", lines)
