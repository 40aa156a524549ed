"""The ``hub`` section of a node's and a seed's configuration. Read by everything in ``hub``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dfinfra.config import Bytes, Seconds

# facts of the Hub's own allow-list (huggingface/hub-docs, models-downloading): where whole files
# come from. The Xet chunk servers (transfer, cas-server) are left out: their URLs carry a signed
# range, so their bytes are not whole files.
DEFAULT_CDN_HOSTS = (
    "cdn-lfs*.huggingface.co",
    "cdn-lfs*.hf.co",
    "cas-bridge*.xethub.hf.co",
    "*.cdn.hf.co",
)


@dataclass(frozen=True)
class HubConfig:
    """Which Hub is mirrored and for how long its answers are kept.

    ``mirror`` switches ``HF_ENDPOINT`` mode. ``hosts`` are names under which clients know the
    endpoint, ``cdn_hosts`` (with ``*``) where its files come from. ``list_after``: how many files of
    a commit are asked one by one before the whole listing is. ``keep_xet_above_bytes``: files from
    this size on keep their Xet hints, since huggingface_hub refuses plain downloads over 50 GB.
    """

    mirror: bool = True
    endpoint: str = "https://huggingface.co"
    hosts: tuple[str, ...] = ("huggingface.co", "www.huggingface.co", "hf.co")
    cdn_hosts: tuple[str, ...] = DEFAULT_CDN_HOSTS
    ca_file: Path | None = None
    ref_ttl_s: Seconds = 10.0
    immutable_ttl_s: Seconds = 24 * 3600.0
    negative_ttl_s: Seconds = 10.0
    allow_ttl_s: Seconds = 60.0
    refuse_ttl_s: Seconds = 5.0
    stale_if_error_s: Seconds = 24 * 3600.0
    list_after: int = 3
    max_list_pages: int = 20
    answers_size_bytes: Bytes = field(default=32 << 20, metadata={"key": "answersSize"})
    facts_size_bytes: Bytes = field(default=64 << 20, metadata={"key": "factsSize"})
    keep_xet_above_bytes: Bytes | None = field(default=None, metadata={"key": "keepXetAbove"})

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"endpoint: {self.endpoint!r} is not an http:// or https:// URL")
        if self.list_after < 1:
            raise ValueError("listAfter: must be 1 or more")

    @property
    def base(self) -> str:
        """The endpoint without a trailing slash."""
        return self.endpoint.rstrip("/")

    @property
    def authority(self) -> str:
        """Host, and port if it is not the usual one, of the endpoint."""
        return urlsplit(self.endpoint).netloc.lower()
