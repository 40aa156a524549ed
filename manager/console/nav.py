"""The menu: where one can go, by what one may read, and which key leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manager.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    title: str
    icon: str
    permission: str
    key: str
    """Typed after `g`."""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    entries: tuple[Entry, ...]


MENU = (
    Group(
        "Swarm",
        (
            Entry("/", "Overview", "overview", "overview:read", "o"),
            Entry("/tasks", "Downloads", "download", "overview:read", "d"),
            Entry("/hosts", "Hosts", "host", "overview:read", "h"),
        ),
    ),
    Group(
        "Content",
        (
            Entry("/jobs", "Jobs", "job", "jobs:read", "j"),
            Entry("/models", "Models", "model", "models:read", "m"),
            Entry("/replication", "Replication", "replication", "replication:read", "r"),
            Entry("/webhooks", "Webhooks", "webhook", "webhooks:read", "w"),
            Entry("/secrets", "Secrets", "secret", "secrets:read", "s"),
        ),
    ),
    Group(
        "Control",
        (
            Entry("/clusters", "Clusters", "cluster", "clusters:read", "c"),
            Entry("/applications", "Applications", "application", "applications:read", "p"),
        ),
    ),
    Group(
        "Access",
        (
            Entry("/users", "Users", "user", "users:read", "u"),
            Entry("/teams", "Teams", "team", "teams:read", "e"),
            Entry("/tokens", "Tokens", "token", "personal-access-tokens:read", "t"),
            Entry("/audit", "Audit", "audit", "audits:read", "a"),
        ),
    ),
)


def menu_for(principal: Principal) -> Sequence[Group]:
    """What this person can open."""
    groups = []
    for group in MENU:
        entries = tuple(entry for entry in group.entries if principal.may(entry.permission))
        if entries:
            groups.append(Group(group.title, entries))
    return groups
