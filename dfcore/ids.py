"""Ids of tasks, hosts and peers: Dragonfly's recipes (dragonflyoss/client, id_generator).

Order of precedence for a task: `content_for_calculating_task_id`, then the digest in an OCI blob
URL (where that is switched on), then the URL. Whoever makes a task calls this; nobody else builds
ids.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from dfcore.digest import Digest
from dfcore.errors import BadInput
from dfcore.urls import filter_url

__all__ = [
    "DEFAULT_FILTERED_QUERY_PARAMS",
    "SIGNATURE_QUERY_PARAMS",
    "blob_digest_in_url",
    "filter_url",
    "host_id",
    "is_signed",
    "peer_id",
    "task_id_by_content",
    "task_id_by_url",
]

# Dragonfly's list (dragonflyoss/client, http/query_params.rs), by cloud.
DEFAULT_FILTERED_QUERY_PARAMS: tuple[str, ...] = (
    # S3
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "X-Amz-User-Agent",
    # Google Cloud Storage
    "X-Goog-Algorithm",
    "X-Goog-Credential",
    "X-Goog-Date",
    "X-Goog-Expires",
    "X-Goog-SignedHeaders",
    "X-Goog-Signature",
    # Alibaba OSS
    "OSSAccessKeyId",
    "Expires",
    "Signature",
    "SecurityToken",
    # Huawei OBS
    "AccessKeyId",
    "X-Obs-Date",
    "X-Obs-Security-Token",
    # Tencent COS
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
    "x-cos-security-token",
    # containerd
    "ns",
)

# The same and what CloudFront and the Hugging Face CDN sign with. `user_id` is not in it: on other
# hosts it may choose the content.
SIGNATURE_QUERY_PARAMS: tuple[str, ...] = (
    *DEFAULT_FILTERED_QUERY_PARAMS,
    "Policy",
    "Key-Pair-Id",
    "X-Amz-Content-Sha256",
    "X-Xet-Cas-Uid",
    "x-id",
    "x-amz-checksum-mode",
    "response-content-disposition",
    "response-content-type",
)

_SIGNED = {name.lower() for name in SIGNATURE_QUERY_PARAMS if "sign" in name.lower()} | {
    "policy",
    "key-pair-id",
    "sig",
    "token",
}

_BLOB_URL = re.compile(r".*://.*/v2/.*/blobs/(sha(?:256|512):[^?]+)(?:\?.*)?")


def task_id_by_url(
    url: str,
    *,
    tag: str = "",
    application: str = "",
    revision: str = "",
    piece_length: int | None = None,
    filtered_query_params: Sequence[str] = (),
) -> str:
    """Id of a standard task by its URL: 64 hex digits.

    The parts are joined without separators, as Dragonfly does: (tag "foo", application "bar") and
    (tag "foobar") are one task.
    """
    parts = (
        filter_url(url, filtered_query_params),
        tag,
        application,
        revision,
        "" if piece_length is None else str(piece_length),
        "STANDARD",
    )
    return _sha256_hex("".join(parts))


def task_id_by_content(content: str) -> str:
    """Id of a task by `content_for_calculating_task_id`, for us mostly a blob's digest."""
    return _sha256_hex(content)


def blob_digest_in_url(url: str) -> Digest | None:
    """The digest in an OCI blob URL (`…/v2/<name>/blobs/sha256:…`). Its value is the task id."""
    match = _BLOB_URL.fullmatch(url)
    if match is None:
        return None
    try:
        return Digest.parse(match[1])
    except BadInput:
        return None


def is_signed(url: str) -> bool:
    """Whether the URL carries a right of its own, so that not everybody may have the content.

    The Hub signs links for those it does not know as for the user ``public``.
    """
    query = {name.lower(): values for name, values in parse_qs(urlsplit(url).query).items()}
    if "public" in query.get("x-xet-cas-uid", []) or "public" in query.get("user_id", []):
        return False
    return bool(_SIGNED & query.keys())


def host_id(ip: str, hostname: str, seed: bool = False) -> str:
    """Id of a host."""
    return f"{ip}-{hostname}-seed" if seed else f"{ip}-{hostname}"


def peer_id(ip: str, hostname: str, uuid: str, seed: bool = False) -> str:
    """Id of a peer; `uuid` is a fresh random one (version 4)."""
    return f"{ip}-{hostname}-{uuid}-seed" if seed else f"{ip}-{hostname}-{uuid}"


def _sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
