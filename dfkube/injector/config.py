"""The injector's configuration: one YAML file, read again when it changes.

Dragonfly's own annotation and label are the defaults, so that manifests written for its injector work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from dfinfra.config import Port, Seconds


class Mode(Enum):
    """How clients in the pod reach the daemon: as the Hub's endpoint, or as their HTTP proxy."""

    ENDPOINT = "endpoint"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """The daemon of the pod's node, on the node's address. ``socket`` is on the host."""

    port: Port = 65001
    socket: Path = Path("/run/dragonfly/dfdaemon.sock")
    no_proxy: tuple[str, ...] = ("localhost", "127.0.0.1", ".svc", ".cluster.local")
    """Whom clients in proxy mode reach without it, beside the node itself."""


@dataclass(frozen=True, slots=True)
class AuthorityConfig:
    """The authority of the daemons' https interception, as a ConfigMap of the pod's name space.

    Without ``config_map`` clients in proxy mode use the proxy for http only.
    """

    config_map: str = ""
    key: str = "ca.crt"


@dataclass(frozen=True, slots=True)
class ToolsConfig:
    """``dfget`` and ``dfctl`` for the pod: an init container copies them from ``image``."""

    image: str = ""
    """Empty: no tools are brought along."""
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True, slots=True)
class InjectorConfig:
    """All of it."""

    listen_ip: str = field(default="0.0.0.0", metadata={"key": "listenIP"})
    port: Port = 8443
    tls_dir: Path = Path("/etc/meganeura/injector")
    """`tls.crt` and `tls.key`, read again when they change."""
    log_dir: Path | None = None
    annotation: str = "dragonfly.io/inject"
    """On a pod: `true` or `false`. Followed by `-mode`: `endpoint` or `proxy`."""
    namespace_label: str = "dragonfly.io/injection"
    """On a name space: `enabled` stands for the annotation of each of its pods."""
    mode: Mode = Mode.ENDPOINT
    """For pods that do not say."""
    daemon: DaemonConfig = field(default_factory=DaemonConfig)
    authority: AuthorityConfig = field(default_factory=AuthorityConfig)
    tools: ToolsConfig = field(default_factory=ToolsConfig)
    protected_namespaces: tuple[str, ...] = ("kube-system", "kube-public", "kube-node-lease")
    """Never touched, whatever they ask for."""
    grace_s: Seconds = 5.0
    verbose: bool = False
