"""Our errors as gRPC statuses, and back.

A server handler raises a MeganeuraError; :func:`to_status` says what goes on the wire: the
code of the class, its one line, and ``meganeura-error``/``retry-after-s`` in the trailing
metadata, so that our own client gets the same class again. A refusal by the origin travels
as Dragonfly's ``errordetails.v2.Backend`` in JSON with code INTERNAL, as its Rust client
expects (facts from dragonflyoss/client, proxy/task.rs). A plain peer's status maps by code.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import grpc
from google.protobuf import json_format

from dfcore import errors
from dfcore.errors import MeganeuraError
from dfinfra.pb import errordetails_pb2
from dfinfra.redact import redact_text

CODE_KEY = "meganeura-error"
RETRY_AFTER_KEY = "retry-after-s"
# What tonic and grpc-go put a status' details into.
DETAILS_KEY = "grpc-status-details-bin"

Trailers = tuple[tuple[str, str | bytes], ...]

_BY_STATUS: dict[grpc.StatusCode, type[MeganeuraError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.BadInput,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthorized,
    grpc.StatusCode.PERMISSION_DENIED: errors.Denied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Unavailable,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.ABORTED: errors.Unavailable,
    grpc.StatusCode.CANCELLED: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.TimedOut,
    grpc.StatusCode.DATA_LOSS: errors.DigestMismatch,
}


class Status(NamedTuple):
    """What a server answers instead of a message."""

    code: grpc.StatusCode
    details: str
    trailers: Trailers


def to_status(error: MeganeuraError) -> Status:
    """The status that tells ``error`` to a client."""
    if isinstance(error, errors.OriginRefused):
        return _origin_refused(error)
    trailers: list[tuple[str, str | bytes]] = [(CODE_KEY, error.code)]
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        trailers.append((RETRY_AFTER_KEY, f"{retry_after_s:g}"))
    if isinstance(error, errors.RangeNotSatisfiable):
        trailers.append(("size-bytes", str(error.size_bytes)))
    return Status(grpc.StatusCode[error.grpc_code], redact_text(str(error)), tuple(trailers))


def from_rpc_error(error: grpc.aio.AioRpcError, what: str) -> MeganeuraError:
    """Our error for a failed call; ``what`` says who was asked what, for the one line."""
    trailers: dict[str, object] = dict(cast("Any", error.trailing_metadata() or ()))
    line = f"{what}: {error.details() or error.code().name}"
    backend = trailers.get(DETAILS_KEY)
    if isinstance(backend, bytes) and error.code() is grpc.StatusCode.INTERNAL:
        refused = _read_backend(backend)
        if refused is not None:
            return refused
    kind = _BY_NAME.get(str(trailers.get(CODE_KEY, ""))) or _BY_STATUS.get(
        error.code(), MeganeuraError
    )
    if kind is errors.Unavailable:
        return errors.Unavailable(line, retry_after_s=_number(trailers.get(RETRY_AFTER_KEY)))
    if kind is errors.RangeNotSatisfiable:
        size_bytes = int(_number(trailers.get("size-bytes")) or 0)
        return errors.RangeNotSatisfiable(line, size_bytes=size_bytes)
    return kind(line)


def _origin_refused(error: errors.OriginRefused) -> Status:
    backend = errordetails_pb2.Backend(
        message=error.body.decode("utf-8", "replace")[:65536],
        header=dict(error.headers),
        status_code=error.status,
    )
    body = json_format.MessageToJson(backend, preserving_proto_field_name=True, indent=None)
    return Status(grpc.StatusCode.INTERNAL, str(error), ((DETAILS_KEY, body.encode()),))


def _read_backend(details: bytes) -> errors.OriginRefused | None:
    try:
        backend = json_format.Parse(
            details.decode(), errordetails_pb2.Backend(), ignore_unknown_fields=True
        )
    except (json_format.ParseError, UnicodeDecodeError):
        return None
    if not backend.status_code:
        return None
    return errors.OriginRefused(backend.status_code, dict(backend.header), backend.message.encode())


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _plain_kinds(root: type[MeganeuraError]) -> dict[str, type[MeganeuraError]]:
    """Classes by code. A subclass without a code of its own means what its parent means."""
    kinds = {root.code: root}
    for kind in root.__subclasses__():
        if "code" in vars(kind):
            kinds |= _plain_kinds(kind)
    return kinds


_BY_NAME = {
    code: kind
    for code, kind in _plain_kinds(MeganeuraError).items()
    if kind is not errors.OriginRefused
}
