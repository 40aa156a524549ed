"""The error tree of the whole project.

Each class knows what it means outside: HTTP status, gRPC code name, process exit code, and whether
trying again can help. Mapping to a wire happens once, at the edge (proxy, rpc, main). `str(error)`
is one line a user can act on and never holds a secret.

    MeganeuraError
    ├── BadInput                 400  what a user, a client or another host sent makes no sense
    │   └── ConfigError               a configuration file or flag
    ├── Unauthorized             401
    ├── Denied                   403
    ├── NotFound                 404
    ├── RangeNotSatisfiable      416
    ├── OriginRefused            4xx  the origin's own answer, passed on unchanged
    ├── OriginUnreachable        502  no connection, no name, no answer
    ├── OriginBroken             502  cut body, nonsense, wrong length
    │   └── RangeIgnored         502  200 to a Range
    ├── Unsized                  502  the origin does not tell a length
    ├── ContentChanged           502  the validator changed between two requests
    ├── DigestMismatch           502  the bytes are not the bytes that were promised
    ├── Unavailable              503  try later, perhaps after `retry_after_s`
    ├── TimedOut                 504
    ├── NoSpace                  507
    ├── PeerRefused              503  a parent is full, or will not serve this: ask another
    ├── PeerBroken               502  a parent stalled, broke off or spoke nonsense
    └── InvalidTransition        500  a bug of ours, told with the object's history
"""

# The names say what happened; "Error" at the end of each would add nothing.
# ruff: noqa: N818

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class MeganeuraError(Exception):
    """Root of everything we raise on purpose. `grpc_code` is the name of a grpc.StatusCode."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    http_status: int = 500
    grpc_code: ClassVar[str] = "INTERNAL"
    exit_code: ClassVar[int] = 1


class BadInput(MeganeuraError, ValueError):
    """Input that makes no sense. Also a ValueError, so that plain validation code may catch it."""

    code = "bad_input"
    http_status = 400
    grpc_code = "INVALID_ARGUMENT"
    exit_code = 2


class ConfigError(BadInput):
    """A configuration that cannot be used: names the key, the value and what is allowed."""

    code = "bad_config"


class Unauthorized(MeganeuraError):
    """The requester did not say who it is."""

    code = "unauthorized"
    http_status = 401
    grpc_code = "UNAUTHENTICATED"


class Denied(MeganeuraError):
    """The requester is known and may not."""

    code = "denied"
    http_status = 403
    grpc_code = "PERMISSION_DENIED"


class NotFound(MeganeuraError):
    """There is no such task, blob, host or file."""

    code = "not_found"
    http_status = 404
    grpc_code = "NOT_FOUND"


class RangeNotSatisfiable(MeganeuraError):
    """No byte of the requested range exists; `size_bytes` goes into the answer's Content-Range."""

    code = "range_not_satisfiable"
    http_status = 416
    grpc_code = "OUT_OF_RANGE"

    def __init__(self, message: str, *, size_bytes: int) -> None:
        super().__init__(message)
        self.size_bytes = size_bytes


class OriginRefused(MeganeuraError):
    """The origin said no (4xx). Status, headers and body are handed to the client unchanged."""

    code = "origin_refused"
    grpc_code = "FAILED_PRECONDITION"

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        super().__init__(f"the origin answered {status}")
        self.status = status
        self.http_status = status
        self.headers = headers
        self.body = body


class OriginUnreachable(MeganeuraError):
    """No connection to the origin."""

    code = "origin_unreachable"
    retryable = True
    http_status = 502
    grpc_code = "UNAVAILABLE"


class OriginBroken(MeganeuraError):
    """The origin's answer cannot be used: cut body, too short, too long."""

    code = "origin_broken"
    retryable = True
    http_status = 502
    grpc_code = "UNAVAILABLE"


class Unsized(MeganeuraError):
    """The origin does not tell how long the content is, so that it cannot be cut into parts."""

    code = "unsized"
    http_status = 502
    grpc_code = "UNAVAILABLE"


class RangeIgnored(OriginBroken):
    """The origin answered with the whole where a part was asked for."""

    code = "range_ignored"


class ContentChanged(MeganeuraError):
    """The origin's content changed during the transfer: start again, never mix."""

    code = "content_changed"
    retryable = True
    http_status = 502
    grpc_code = "ABORTED"


class DigestMismatch(MeganeuraError):
    """Bytes that do not match their digest; they have been thrown away."""

    code = "digest_mismatch"
    retryable = True
    http_status = 502
    grpc_code = "DATA_LOSS"


class NoSpace(MeganeuraError):
    """No disk has room, even after eviction."""

    code = "no_space"
    http_status = 507
    grpc_code = "RESOURCE_EXHAUSTED"


class Unavailable(MeganeuraError):
    """Not now. `retry_after_s` is the wait the other side asked for, None if it did not say."""

    code = "unavailable"
    retryable = True
    http_status = 503
    grpc_code = "UNAVAILABLE"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TimedOut(MeganeuraError):
    """A deadline passed."""

    code = "timed_out"
    retryable = True
    http_status = 504
    grpc_code = "DEADLINE_EXCEEDED"


class PeerRefused(MeganeuraError):
    """A parent refused a request (busy, or not for you): another parent may serve it."""

    code = "peer_refused"
    retryable = True
    http_status = 503
    grpc_code = "UNAVAILABLE"


class PeerBroken(MeganeuraError):
    """A parent stalled, broke the connection off, or sent what is not in the protocol."""

    code = "peer_broken"
    retryable = True
    http_status = 502
    grpc_code = "UNAVAILABLE"


class InvalidTransition(MeganeuraError):
    """A state machine got an event that its state does not know.

    `story` is its recent past, oldest first.
    """

    code = "invalid_transition"

    def __init__(self, message: str, *, story: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.story = tuple(story)
