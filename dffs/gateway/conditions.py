"""Conditional requests: RFC 9110 section 13, as S3 applies it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum

from dffs.gateway.errors import S3Error


class Verdict(Enum):
    """What the conditions of a read come to."""

    GO = "go"
    NOT_MODIFIED = "not modified"


def for_read(
    headers: Mapping[str, str], etag: str, modified_ns: int, *, prefix: str = ""
) -> Verdict:
    """Judge a GET, a HEAD, or (with `x-amz-copy-source-`) the source of a copy. Raises S3Error."""
    modified_s = modified_ns // 1_000_000_000
    match = headers.get(f"{prefix}if-match")
    if match is not None and not _names(match, etag):
        raise S3Error("PreconditionFailed")
    since = _seconds(headers.get(f"{prefix}if-unmodified-since"))
    if match is None and since is not None and modified_s > since:
        raise S3Error("PreconditionFailed")
    none_match = headers.get(f"{prefix}if-none-match")
    if none_match is not None:
        unchanged = _names(none_match, etag)
    else:
        after = _seconds(headers.get(f"{prefix}if-modified-since"))
        unchanged = after is not None and modified_s <= after
    if unchanged and prefix:
        raise S3Error("PreconditionFailed")
    return Verdict.NOT_MODIFIED if unchanged else Verdict.GO


def for_write(headers: Mapping[str, str], etag: str | None) -> bool:
    """Judge an upload over what is there (None: nothing); whether it may only create.

    `If-None-Match: *` is judged once more, without a race, when the object gets its name.
    """
    match = headers.get("if-match")
    if match is not None:
        if etag is None:
            raise S3Error("NoSuchKey")
        if not _names(match, etag):
            raise S3Error("PreconditionFailed")
    none_match = headers.get("if-none-match")
    if none_match is None:
        return False
    if none_match.strip() != "*":
        raise S3Error("NotImplemented", "An upload takes If-None-Match: * only.")
    if etag is not None:
        raise S3Error("PreconditionFailed")
    return True


def _names(value: str, etag: str) -> bool:
    """Whether a list of ETags holds this one."""
    tags = {part.strip().removeprefix("W/").strip('"') for part in value.split(",")}
    return "*" in tags or etag in tags


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None  # a date that is none is ignored
