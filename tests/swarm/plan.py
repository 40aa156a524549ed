"""The configuration of every process of a swarm, as the YAML files hold it.

One plan per daemon: its ports, its folder, and the keys of its file. ``changes`` are laid over the
keys section by section, so that a test says only what it wants otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.swarm.ports import free_port

ADDRESS = "127.0.0.1"
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class HostPorts:
    """Where a node or a seed listens."""

    vortex: int
    rpc: int
    admin: int
    proxy: int

    @classmethod
    def free(cls) -> HostPorts:
        """Four free ports."""
        return cls(free_port(), free_port(), free_port(), free_port())


def host_config(
    name: str,
    folder: Path,
    ports: HostPorts,
    *,
    schedulers: tuple[str, ...],
    hub: str,
    security: Path | None,
    hub_ca: str | None = None,
) -> dict[str, Any]:
    """The file of a node or seed."""
    config: dict[str, Any] = {
        "host": {"hostname": name, "ip": ADDRESS},
        "scheduler": {"addrs": list(schedulers)},
        # However full the disk is that a test happens to run on.
        "storage": {"dir": str(folder / "blobs"), "freeRatio": 0},
        "download": {
            "socketPath": str(folder / "dfdaemon.sock"),
            "outputDirs": [str(folder / "output")],
        },
        "upload": {"ip": ADDRESS, "port": ports.vortex, "rpcPort": ports.rpc},
        "proxy": {
            "tcpListen": {"listen": ADDRESS, "port": ports.proxy},
            "intercept": {"caDir": str(folder / "proxy-ca")},
        },
        "hub": {"endpoint": hub},
        "admin": {"port": ports.admin},
    }
    if security is not None:
        config["security"] = {"dir": str(security)}
    if hub_ca is not None:
        config["hub"]["caFile"] = hub_ca
        config["origin"] = {"caFile": hub_ca}
    return config


def laid_over(config: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """``config`` with ``changes`` in it: mappings are merged, everything else is replaced."""
    merged = dict(config)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = laid_over(old, value)
        else:
            merged[key] = value
    return merged
