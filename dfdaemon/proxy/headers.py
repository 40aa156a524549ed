"""Headers of requests and responses that the proxy treats itself. Pure.

Hop-by-hop headers end here (RFC 9110, 7.6.1); ``X-Dragonfly-*`` are Dragonfly's own (dragonflyoss/
client, proxy/header.rs, with the same names and meanings).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dfcore.errors import BadInput
from dfcore.pieces import MIN_PIECE_LENGTH
from dfcore.quantities import parse_size
from dfdaemon.task.spec import TaskSpec

PREFIX = "x-dragonfly-"
REGISTRY = "X-Dragonfly-Registry"
USE_P2P = "X-Dragonfly-Use-P2P"
TASK_ID = "X-Dragonfly-Task-ID"
SERVER_IP = "X-Dragonfly-Server-IP"
FINISHED = "X-Dragonfly-Task-Download-Finished"
ERROR_TYPE = "X-Dragonfly-Error-Type"

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Of a client's request, what the origin of a shared download must not see: the whole content is
# fetched, as it is, whatever part and encoding this client asked for.
_NOT_FOR_SHARED = frozenset(
    {
        "accept-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "via",
    }
)


@dataclass(frozen=True, slots=True)
class DragonflyHeaders:
    """What a client asks for by ``X-Dragonfly-*``. None where it says nothing."""

    registry: str | None = None
    tag: str = ""
    application: str = ""
    priority: int | None = None
    filtered_query_params: tuple[str, ...] | None = None
    use_p2p: bool = False
    prefetch: bool | None = None
    output_path: str | None = None
    force_hard_link: bool = False
    piece_length: int | None = None
    content: str | None = None
    blob_digest_id: bool | None = None

    def apply(self, spec: TaskSpec) -> TaskSpec:
        """The task with what the client asked for."""
        filtered = self.filtered_query_params
        return replace(
            spec,
            tag=self.tag,
            application=self.application,
            priority=spec.priority if self.priority is None else self.priority,
            piece_length=self.piece_length,
            content=self.content or spec.content,
            filtered_query_params=spec.filtered_query_params if filtered is None else filtered,
        )


def parse_dragonfly(headers: Mapping[str, str]) -> DragonflyHeaders:
    """Parse the ``X-Dragonfly-*`` headers; BadInput names the header that makes no sense."""
    return DragonflyHeaders(
        registry=headers.get(REGISTRY),
        tag=headers.get("X-Dragonfly-Tag", ""),
        application=headers.get("X-Dragonfly-Application", ""),
        priority=_priority(headers.get("X-Dragonfly-Priority")),
        filtered_query_params=_names(headers.get("X-Dragonfly-Filtered-Query-Params")),
        use_p2p=_flag(headers, USE_P2P) or False,
        prefetch=_flag(headers, "X-Dragonfly-Prefetch"),
        output_path=headers.get("X-Dragonfly-Output-Path"),
        force_hard_link=_flag(headers, "X-Dragonfly-Force-Hard-Link") or False,
        piece_length=_piece_length(headers.get("X-Dragonfly-Piece-Length")),
        content=_content(headers.get("X-Dragonfly-Content-For-Calculating-Task-ID")),
        blob_digest_id=_flag(headers, "X-Dragonfly-Enable-Task-ID-Based-Blob-Digest"),
    )


def end_to_end(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that a proxy passes on: not hop-by-hop, not named by ``Connection``, not ours."""
    pairs = list(pairs)
    named = {
        name.strip().lower()
        for key, value in pairs
        if key.lower() == "connection"
        for name in value.split(",")
    }
    dropped = _HOP_BY_HOP | named
    return [
        (key, value)
        for key, value in pairs
        if key.lower() not in dropped and not key.lower().startswith(PREFIX)
    ]


def for_shared_download(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The requester's headers with which the origin is asked for content that others get too."""
    return {k: v for k, v in end_to_end(pairs) if k.lower() not in _NOT_FOR_SHARED}


def _flag(headers: Mapping[str, str], name: str) -> bool | None:
    value = headers.get(name)
    if value is None:
        return None
    if value.strip().lower() not in ("true", "false"):
        raise BadInput(f"{name}: {value[:40]!r} is not allowed, must be true or false")
    return value.strip().lower() == "true"


def _priority(value: str | None) -> int | None:
    if value is None:
        return None
    if value.strip() not in tuple("0123456"):
        raise BadInput(f"X-Dragonfly-Priority: {value[:40]!r} is not allowed, must be 0 to 6")
    return int(value)


def _names(value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _content(value: str | None) -> str | None:
    """Names with a colon or a blank are ours: a client must not claim content by its digest."""
    if value is not None and (not value or re.search(r"[\s:]", value)):
        raise BadInput(
            f"X-Dragonfly-Content-For-Calculating-Task-ID: {value[:80]!r} is not allowed, "
            "must be a name without blanks and colons"
        )
    return value


def _piece_length(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        length = parse_size(value)
    except BadInput as error:
        raise BadInput(f"X-Dragonfly-Piece-Length: {error}") from None
    if length < MIN_PIECE_LENGTH or length & (length - 1):
        raise BadInput(
            f"X-Dragonfly-Piece-Length: {value[:40]!r} is not allowed, "
            "must be a power of two from 4MiB up"
        )
    return length
