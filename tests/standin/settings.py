"""What a test can switch on the stand-in while it runs; read by every handler on each request."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

SIGNINGS = ("cloudfront", "amz", "gcp")
SMALL_FILE_MODES = ("resolve-cache", "direct")


@dataclass
class Settings:
    """Mutable on purpose: a test changes a field and the next request obeys.

    `xet` announces Xet hashes; `xet_route_header` adds X-Xet-Refresh-Route; `signing` is the
    parameter set of signed URLs (cloudfront = cdn-lfs host form with path /repos/..., amz and
    gcp = /xet-bridge-us/...). `*_base` replace the address in the URLs that are handed out,
    for clients that reach the stand-in through a proxy by a public name.
    """

    xet: bool = False
    xet_route_header: bool = True
    xet_token_lifetime_s: int = 3600
    cas_versions: tuple[str, ...] = ("", "v1", "v2")
    signing: str = "gcp"
    signature_lifetime_s: float = 3600.0
    small_files: str = "resolve-cache"
    gzip: bool = False
    page_size: int = 1000
    hub_base: str | None = None
    cdn_base: str | None = None
    cas_base: str | None = None

    def change(self, **values: Any) -> None:
        """Set fields by name; an unknown name or choice is a ValueError."""
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no such setting: {name}")
            if name == "signing" and value not in SIGNINGS:
                raise ValueError(f"signing is one of {SIGNINGS}")
            if name == "small_files" and value not in SMALL_FILE_MODES:
                raise ValueError(f"small_files is one of {SMALL_FILE_MODES}")
            setattr(self, name, tuple(value) if name == "cas_versions" else value)
