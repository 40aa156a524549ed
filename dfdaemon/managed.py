"""What the manager settles for this node, put in force: schedulers, limits, refusals, priorities.

The node's own configuration stays: of two limits the stricter one holds.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from dfcore.errors import Denied
from dfdaemon.config import DaemonConfig
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.task.parts import HostIdentity
from dfdaemon.task.spec import TaskSpec
from dfinfra.authority import Identity
from dfinfra.logs import get_logger
from dfinfra.managed import NodeSettings, stricter
from dfinfra.managerlink import ManagerLink, Me, copy_in
from dfinfra.pb import manager_pb2, managerlink_pb2

log = get_logger("managed")

UNSAID = (0, 6)
"""Priorities that mean that the request names none: LEVEL0, and what proxies put in."""
FIRST_CLUSTER = 1
"""What a seed registers in that is told nothing: Dragonfly's default as well."""


class Managed:
    """Takes what the manager tells, and answers the node's parts from it."""

    def __init__(self, config: DaemonConfig, *, seed: bool) -> None:
        self._config = config
        self._seed = seed
        self._settings = NodeSettings()
        self._client: SchedulerClient | None = None
        self._limits_changed: Callable[[], None] | None = None

    def attach(self, client: SchedulerClient, limits_changed: Callable[[], None]) -> None:
        """Whom to tell of schedulers, and of limits."""
        self._client = client
        self._limits_changed = limits_changed

    def adopt(self, told: managerlink_pb2.Configuration) -> None:
        """Put in force what the manager told."""
        self._settings = NodeSettings.of(told, seed=self._seed)
        log.info(
            "configuration of the manager in force",
            cluster=told.cluster.name,
            schedulers=list(self._settings.schedulers),
        )
        if self._client is not None and self._settings.schedulers:
            self._client.set_addresses(self._settings.schedulers, self._settings.scheduler_names)
        if self._limits_changed is not None:
            self._limits_changed()

    def limited(self, config: DaemonConfig) -> DaemonConfig:
        """The configuration with the stricter ones of its own limits and the cluster's."""
        limits = self._settings.limits
        download, upload = config.download, config.upload
        return replace(
            config,
            download=replace(
                download,
                rate_limit_bytes=_whole(stricter(download.rate_limit_bytes, limits.download)),
                origin_rate_limit_bytes=_whole(
                    stricter(download.origin_rate_limit_bytes, limits.origin)
                ),
                task_rate_limit_bytes=_whole(stricter(download.task_rate_limit_bytes, limits.task)),
            ),
            upload=replace(
                upload, rate_limit_bytes=_whole(stricter(upload.rate_limit_bytes, limits.upload))
            ),
        )

    def admit(self, spec: TaskSpec) -> TaskSpec:
        """The wish as the cluster's rules have it. Raises Denied for what is on the block list."""
        settings = self._settings
        if spec.priority in UNSAID and settings.priorities.by_name:
            priority = settings.priorities.of_download(spec.application, spec.public_url)
            spec = replace(spec, priority=priority or spec.priority)
        why = settings.blocked.why(
            application=spec.application, tag=spec.tag, url=spec.url, priority=spec.priority
        )
        if why is not None:
            raise Denied(f"the cluster's block list refuses {why}")
        return spec

    def link(self, host: HostIdentity, state: Path, identity: Identity | None) -> ManagerLink:
        """The service that hears what the manager tells."""
        config, seed = self._config, self._seed
        me = Me(
            source=manager_pb2.SEED_PEER_SOURCE if seed else manager_pb2.PEER_SOURCE,
            hostname=host.hostname,
            ip=host.ip,
            port=config.upload.rpc_port,
            download_port=host.vortex_port,
            proxy_port=config.proxy.tcp_listen.port,
            idc=config.host.idc,
            location=config.host.location,
            version=version("meganeura"),
            os=platform.system().lower(),
            kernel_version=platform.release(),
            cluster_id=config.manager.cluster_id or (FIRST_CLUSTER if seed else 0),
        )
        copy = config.manager.copy or copy_in(state, identity)
        return ManagerLink(config.manager, me, identity, copy, self.adopt)


def _whole(limit: float | None) -> int | None:
    return None if limit is None else int(limit)
