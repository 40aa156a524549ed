"""The driver's configuration: one YAML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dfinfra.config import Seconds

DRIVER = "csi.meganeura.io"


@dataclass(frozen=True, slots=True)
class VolumeConfig:
    """A volume that pods may name. Its metadata URL is a secret, so it is in a file.

    ``open``: any pod may read its models. Otherwise a pod brings a token, and the manager is asked
    whether its owner may read the model.
    """

    url_file: Path
    passphrase_file: Path | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class CsiConfig:
    """All of it. ``node_id`` is the node's name in the cluster."""

    node_id: str = ""
    name: str = DRIVER
    socket: Path = Path("/csi/csi.sock")
    kubelet_socket: Path | None = None
    """Where the kubelet finds ``socket``; without it the driver does not register itself."""
    registry_dir: Path = Path("/registration")
    provision: bool = False
    """Make volumes for claims, by the account of this pod, in place of serving a node."""
    state_dir: Path = Path("/var/lib/meganeura/csi")
    volumes: dict[str, VolumeConfig] = field(default_factory=dict)
    manager_url: str = ""
    mount_options: tuple[str, ...] = ()
    """Further flags of ``dffs mount``, such as ``--cache-size=200G``."""
    mount_timeout_s: Seconds = 30.0
    log_dir: Path | None = None
    verbose: bool = False
