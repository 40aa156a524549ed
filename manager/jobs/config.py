"""The section ``jobs`` of the manager's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from dfinfra.config import Seconds
from dfinfra.configvalues import Bounds


@dataclass(frozen=True, slots=True)
class JobsConfig:
    """How this manager does jobs."""

    at_once: Annotated[int, Bounds(0, 1000, "0 to 1000")] = 8
    """So many jobs at a time; 0: this replica does none."""
    lease_s: Seconds = 30.0
    """A replica that says nothing for so long has lost its jobs to the others."""
    beat_s: Seconds = 1.0
    """How often progress is written."""
    sync_peers_interval_s: Seconds = 86400.0
    """How often hosts that only schedulers know, as plain Dragonfly peers, are taken into the list."""
    hub: str = "https://huggingface.co"
    """The Hub that `hf://` means; the same as the nodes' `hub.endpoint`."""
    ca_file: Path | None = None
    """Authorities that vouch for origins, instead of the system's."""
    credentials_in_clear: bool = False
    """Send credentials also to nodes that can be reached unencrypted only; see `security.dir`."""
    key_file: Path | None = None
    """32 random bytes that secrets are enciphered with; made if missing. All replicas need the same
    file. Without it the key is kept in the database."""

    def __post_init__(self) -> None:
        if self.beat_s * 3 > self.lease_s:
            raise ValueError("lease must be at least three times beat")
        if not self.hub.startswith(("http://", "https://")):
            raise ValueError("hub must be an http:// or https:// URL")
