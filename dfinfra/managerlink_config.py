"""The ``manager`` section of the configurations of nodes, seeds and schedulers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dfinfra.config import Seconds

DEFAULT_PORT = 65003


@dataclass(frozen=True)
class ManagerSection:
    """The manager's replicas, as `ip:port` or `name:port`; without any, all is in this file.

    What it tells is kept on disk, so that a restart needs no manager. `clusterID` is the cluster
    that a seed or scheduler registers in; a node that leaves it at 0 gets the one that fits it
    best.
    """

    addrs: tuple[str, ...] = ()
    addr: str = ""
    """One more address, by Dragonfly's key; `http://` before it is taken off."""
    cluster_id: int = field(default=0, metadata={"key": "clusterID"})
    tls: bool = False
    """Speak mutual TLS with it, by the certificate in `security.dir`."""
    copy: Path | None = None
    """The file that keeps what it told; empty: `manager.copy` in the folder of this process' state, with
    `security.dir` one for each authority."""
    keep_alive_interval_s: Seconds = 5.0
    poll_interval_s: Seconds = 10.0
    """How often a manager of Dragonfly's own is asked, which cannot tell of changes by itself."""

    @property
    def targets(self) -> tuple[str, ...]:
        """All addresses, with ports, each once."""
        given = (*self.addrs, *((self.addr,) if self.addr else ()))
        return tuple(dict.fromkeys(_target(text) for text in given))


def _target(text: str) -> str:
    bare = text.strip().rstrip("/")
    for scheme in ("http://", "https://", "grpc://"):
        bare = bare.removeprefix(scheme)
    has_port = bare.rpartition(":")[2].isdigit() and not bare.endswith("]")
    return bare if (has_port and bare.count(":") == 1) or "]:" in bare else f"{bare}:{DEFAULT_PORT}"
