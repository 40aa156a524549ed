"""What the manager settles for this scheduler, put in force: limits, priorities of applications."""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from dfinfra.authority import Identity, host_identity
from dfinfra.lifecycle import Service
from dfinfra.logs import get_logger
from dfinfra.managed import Priorities, parse
from dfinfra.managerlink import ManagerLink, Me, check_section, copy_in
from dfinfra.net import own_address
from dfinfra.pb import manager_pb2, managerlink_pb2
from dfinfra.services import Opening
from scheduler import events as ev
from scheduler.config import SchedulerConfig, state_dir
from scheduler.core import Core
from scheduler.policy import Policy

log = get_logger("managed")

FIRST_CLUSTER = 1
"""What a scheduler registers in that is told nothing: Dragonfly's default as well."""


class Managed:
    """Takes what the manager tells, and gives the core its policy."""

    def __init__(self, config: SchedulerConfig, core: Core) -> None:
        self._config = config
        self._core = core
        self._priorities = Priorities({})

    def adopt(self, told: managerlink_pb2.Configuration) -> None:
        """Put in force what the manager told. Raises ValueError for limits that contradict."""
        self._priorities = Priorities.of(told)
        seeds = next((seed.seed_peer_cluster.config for seed in told.seed_peers), b"")
        policy = merged(
            self._config.policy,
            parse(told.cluster.config),
            parse(told.cluster.client_config),
            parse(seeds),
        )
        self._core.adopt(policy)
        log.info("configuration of the manager in force", cluster=told.cluster.name)

    def prioritized(self, event: ev.PeerRegistered) -> ev.PeerRegistered:
        """The registration with its application's priority, if it names none itself."""
        wish = event.wish
        if wish.priority or not self._priorities.by_name:
            return event
        priority = self._priorities.of_download(wish.application, wish.url)
        return replace(event, wish=replace(wish, priority=priority))

    def services(self, port: Callable[[], int]) -> list[Service]:
        """What registers and hears what the manager tells; nothing without a manager.

        ``port`` is asked when the scheduler has begun to listen.
        """
        if not self._config.manager.targets:
            return []
        identity = host_identity(self._config.security.dir)
        check_section(self._config.manager, identity)
        links: list[ManagerLink] = []

        async def start() -> None:
            links.append(self._link(port(), identity))
            await links[0].start()

        async def stop() -> None:
            await links[0].stop()
            await links[0].aclose()

        return [Opening("manager link", start, stop)]

    def _link(self, port: int, identity: Identity | None) -> ManagerLink:
        config = self._config
        me = Me(
            source=manager_pb2.SCHEDULER_SOURCE,
            hostname=config.server.host or socket.gethostname(),
            ip=config.server.advertise_ip or own_address(config.manager.targets),
            port=config.server.advertise_port or port,
            idc=config.server.idc,
            location=config.server.location,
            version=version("meganeura"),
            os=platform.system().lower(),
            cluster_id=config.manager.cluster_id or FIRST_CLUSTER,
        )
        copy = config.manager.copy or copy_in(state_dir(), identity)
        return ManagerLink(config.manager, me, identity, copy, self.adopt)


def merged(
    own: Policy,
    schedulers: Mapping[str, Any],
    clients: Mapping[str, Any],
    seeds: Mapping[str, Any],
) -> Policy:
    """The scheduler's own policy with what the cluster says otherwise."""
    return replace(
        own,
        plain=_replaced(
            own.plain,
            candidate_parent_limit=schedulers.get("candidate_parent_limit"),
            filter_parent_limit=schedulers.get("filter_parent_limit"),
        ),
        origin=_replaced(own.origin, max_hosts_per_task=schedulers.get("origin_hosts_per_task")),
        upload=_replaced(
            own.upload, peer_limit=clients.get("load_limit"), seed_limit=seeds.get("load_limit")
        ),
    )


def _replaced(policy: Any, **values: object) -> Any:
    given = {name: value for name, value in values.items() if isinstance(value, int) and value > 0}
    return replace(policy, **given) if given else policy
