"""What a manager settled for a node or scheduler: limits, what is refused, priorities. Pure.

Made from the JSON in the manager's messages (keys of Dragonfly's console, and the rate limits that are
ours). What cannot be read is left out: a node goes on with what it understands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dfcore.hosts import host_port
from dfinfra.pb import managerlink_pb2

MAX_URL = 4096


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Bytes per second; None is no limit."""

    download: int | None = None
    origin: int | None = None
    task: int | None = None
    upload: int | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> RateLimits:
        """From a cluster's settings."""
        return cls(
            *(
                _positive(settings.get(f"{name}_rate_limit"))
                for name in ("download", "origin", "task", "upload")
            )
        )


@dataclass(frozen=True, slots=True)
class BlockList:
    """Downloads that are refused: one match is enough."""

    applications: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    priorities: frozenset[int] = frozenset()
    urls: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> BlockList:
        """From a cluster's settings (``block_list.task.download``)."""
        raw: Any = settings
        for key in ("block_list", "task", "download"):
            raw = raw.get(key) if isinstance(raw, Mapping) else None
        if not isinstance(raw, Mapping):
            return cls()
        return cls(
            frozenset(_texts(raw.get("applications"))),
            frozenset(_texts(raw.get("tags"))),
            frozenset(n for n in _list(raw.get("priorities")) if isinstance(n, int)),
            _patterns(_texts(raw.get("urls"))),
        )

    def why(self, *, application: str, tag: str, url: str, priority: int) -> str | None:
        """What it is that the cluster refuses; None if nothing."""
        if application and application in self.applications:
            return f"application {application}"
        if tag and tag in self.tags:
            return f"tag {tag}"
        if priority in self.priorities:
            return f"priority {priority}"
        if any(pattern.search(url[:MAX_URL]) for pattern in self.urls):
            return "this URL"
        return None


@dataclass(frozen=True, slots=True)
class Priorities:
    """The priority of an application's downloads that name none themselves."""

    by_name: Mapping[str, tuple[int, tuple[tuple[re.Pattern[str], int], ...]]]

    @classmethod
    def of(cls, configuration: managerlink_pb2.Configuration) -> Priorities:
        """From the applications that the manager lists."""
        found = {}
        for application in configuration.applications:
            urls = []
            for url in application.priority.urls:
                urls += [(pattern, int(url.value)) for pattern in _patterns([url.regex])]
            found[application.name] = (int(application.priority.value), tuple(urls))
        return cls(found)

    def of_download(self, application: str, url: str) -> int:
        """Its priority by Dragonfly's rule: the first URL that matches, else the application's."""
        value, urls = self.by_name.get(application, (0, ()))
        for pattern, priority in urls:
            if pattern.search(url[:MAX_URL]):
                return priority
        return value


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What is in force for a node or seed."""

    limits: RateLimits = RateLimits()
    blocked: BlockList = BlockList()
    priorities: Priorities = Priorities({})
    schedulers: tuple[str, ...] = ()
    scheduler_names: Mapping[str, str] = field(default_factory=dict)
    """The name of the host at each address; of two with one name the one that registered last."""

    @classmethod
    def of(cls, told: managerlink_pb2.Configuration, *, seed: bool) -> NodeSettings:
        """From what the manager told."""
        cluster = told.cluster
        settings = parse(cluster.seed_client_config if seed else cluster.client_config)
        if seed:
            settings = {**parse(told.seed_peer_cluster.config), **settings}
        return cls(
            RateLimits.of(settings),
            BlockList.of(settings),
            Priorities.of(told),
            tuple(sorted(names := scheduler_names(told))),
            names,
        )


def scheduler_names(told: managerlink_pb2.Configuration) -> dict[str, str]:
    """Addresses of the schedulers of the first (the best) cluster in the list, and their names.

    In the order in which they registered, which decides for Dragonfly between two of one name.
    """
    best = told.schedulers[0].scheduler_cluster_id if told.schedulers else 0
    return {
        host_port(one.ip, one.port): one.hostname
        for one in sorted(told.schedulers, key=lambda one: one.id)
        if one.scheduler_cluster_id == best
    }


def stricter(own: float | None, managed: int | None) -> float | None:
    """The lower of two limits, None being none."""
    limits = [limit for limit in (own, managed) if limit]
    return min(limits, default=None)


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON of a cluster's settings; empty if it is none."""
    try:
        value = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _texts(value: object) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str) and one]


def _patterns(texts: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    found = []
    for text in texts:
        try:
            found.append(re.compile(text))
        except re.error:
            continue
    return tuple(found)
