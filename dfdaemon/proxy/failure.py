"""Errors as the client sees them: the one place that maps them to HTTP. Pure.

The origin's own refusals keep status, headers and body; everything else is one line of text.
``X-Dragonfly-Error-Type`` says whose fault it is, as Dragonfly's proxy does.
"""

from __future__ import annotations

import math

from dfcore.errors import (
    BadInput,
    ContentChanged,
    DigestMismatch,
    MeganeuraError,
    NoSpace,
    OriginBroken,
    OriginRefused,
    OriginUnreachable,
    Unavailable,
)
from dfdaemon.hub.replies import Answer
from dfdaemon.proxy.headers import ERROR_TYPE, end_to_end

_OF_BACKEND = (OriginRefused, OriginUnreachable, OriginBroken, ContentChanged, DigestMismatch)
_NOT_REPEATED = ("content-length", "content-encoding")


def answer_for(error: MeganeuraError) -> Answer:
    """The answer that tells a client of this error."""
    if isinstance(error, OriginRefused):
        pairs = end_to_end(error.headers.items())
        if error.body:
            pairs = [(k, v) for k, v in pairs if k.lower() not in _NOT_REPEATED]
        return Answer(error.status, [*pairs, (ERROR_TYPE, "backend")], error.body)
    kind = "dfdaemon"
    if isinstance(error, _OF_BACKEND):
        kind = "backend"
    elif isinstance(error, BadInput):
        kind = "proxy"
    answer = plain(error.http_status, str(error), kind)
    if isinstance(error, (Unavailable, NoSpace)):
        retry_after_s = getattr(error, "retry_after_s", None)
        answer.headers.append(("Retry-After", str(max(1, math.ceil(retry_after_s or 1)))))
    return answer


def plain(status: int, line: str, kind: str = "proxy") -> Answer:
    """An answer of ours: one line. huggingface_hub shows X-Error-Message to its user."""
    line = " ".join(line.split())[:500]
    shown = line.encode("latin-1", "replace").decode("latin-1")
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        (ERROR_TYPE, kind),
        ("X-Error-Message", shown),
    ]
    return Answer(status, headers, f"{line}\n".encode())
