"""Errors of a task as a Failed frame carries them between hosts."""

from __future__ import annotations

from dfcore import errors
from dfcore.errors import MeganeuraError, OriginRefused, Unavailable
from dfinfra.pb import meganeura_pb2 as pb

_BY_CODE: dict[str, type[MeganeuraError]] = {
    cls.code: cls
    for cls in (
        errors.NotFound,
        errors.Denied,
        errors.Unauthorized,
        errors.OriginUnreachable,
        errors.OriginBroken,
        errors.ContentChanged,
        errors.DigestMismatch,
        errors.NoSpace,
        errors.Unsized,
        errors.TimedOut,
        errors.PeerBroken,
        errors.PeerRefused,
    )
}


def to_frame(task_id: str, error: MeganeuraError) -> pb.Failed:
    """The frame that tells a child why it gets nothing; the origin's own answer goes along."""
    failed = pb.Failed(
        task_id=task_id,
        code=error.code,
        message=str(error),
        http_status=error.http_status,
        retryable=error.retryable,
    )
    if isinstance(error, OriginRefused):
        failed.headers.update(error.headers)
        failed.body = error.body
    return failed


def from_frame(failed: pb.Failed) -> MeganeuraError:
    """The error that a parent told."""
    if failed.code == OriginRefused.code:
        return OriginRefused(failed.http_status, dict(failed.headers), failed.body)
    known = _BY_CODE.get(failed.code)
    if known is not None:
        return known(failed.message)
    return Unavailable(failed.message or "the parent failed")
