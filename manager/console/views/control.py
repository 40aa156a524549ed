"""Clusters with their dynamic configuration and its history; applications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from manager.console.page import ConsolePage, Visit

_MOST = 1000
LIMITS = (
    ("download_rate_limit", "Download of a host"),
    ("upload_rate_limit", "Upload of a host"),
    ("origin_rate_limit", "From the origin"),
    ("task_rate_limit", "One download"),
)
BLOCKED = (
    ("urls", "Addresses", "One regular expression per line"),
    ("applications", "Applications", "One per line"),
    ("tags", "Tags", "One per line"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a difference; None where there was or is nothing."""

    key: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What is different, key by key; keys of nested settings are joined by dots."""
    old, new = dict(_flat(before)), dict(_flat(after))
    keys = sorted(old.keys() | new.keys())
    return [Change(k, old.get(k), new.get(k)) for k in keys if old.get(k) != new.get(k)]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value not in (None, "", [], {}):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{prefix}{key}".replace("_cluster_config", ""), shown


def scope_of(scopes: Mapping[str, Any]) -> str:
    """Which hosts a cluster is for, in a few words."""
    words = [scopes.get("idc"), scopes.get("location"), *(scopes.get("cidrs") or ())]
    words += scopes.get("hostnames") or ()
    return ", ".join(word for word in words if word) or "any host"


async def load_clusters(visit: Visit) -> dict[str, Any]:
    clusters = await visit.rows("/api/v1/clusters", per_page=_MOST)
    schedulers = await visit.rows_if("schedulers:read", "/api/v1/schedulers", per_page=_MOST)
    seeds = await visit.rows_if("seed-peers:read", "/api/v1/seed-peers", per_page=_MOST)
    watched = {s.target.cluster_id: s.state for s in visit.state.stations.values()}
    return {
        "clusters": clusters,
        "schedulers": schedulers,
        "seeds": seeds,
        "watched": watched,
        "scope_of": scope_of,
        "hosts": visit.state.host_count,
    }


async def load_cluster(visit: Visit) -> dict[str, Any]:
    cluster_id = visit.text("id")
    cluster = await visit.get(f"/api/v1/clusters/{cluster_id}")
    history = await visit.get(f"/api/v1/clusters/{cluster_id}/history", per_page=20)
    schedulers = await visit.rows_if(
        "schedulers:read", "/api/v1/schedulers", scheduler_cluster_id=cluster.id, per_page=_MOST
    )
    seeds = await visit.rows_if(
        "seed-peers:read",
        "/api/v1/seed-peers",
        seed_peer_cluster_id=cluster.seed_peer_cluster_id,
        per_page=_MOST,
    )
    client = cluster.peer_cluster_config
    blocked = ((client.get("block_list") or {}).get("task") or {}).get("download") or {}
    return {
        "title": cluster.name,
        "cluster": cluster,
        "client": client,
        "blocked": blocked,
        "limits": LIMITS,
        "lists": BLOCKED,
        "history": history.items,
        "differences": differences,
        "schedulers": schedulers,
        "seeds": seeds,
        "stations": {s.target.address: s for s in visit.state.stations.values()},
        "base": _base(client),
    }


def _base(client: Mapping[str, Any]) -> dict[str, Any]:
    """What a saved form begins with: settings that it does not show stay as they are."""
    shown = {name for name, _ in LIMITS} | {"load_limit", "block_list"}
    kept = {key: value for key, value in client.items() if key not in shown}
    lists = {k: v for k, v in (client.get("block_list") or {}).items() if k != "task"}
    if lists:
        kept["block_list"] = lists
    return {
        "peer_cluster_config": kept,
        "scheduler_cluster_config": {},
        "seed_peer_cluster_config": {},
        "scopes": {},
    }


async def load_applications(visit: Visit) -> dict[str, Any]:
    return {"applications": await visit.rows("/api/v1/applications", per_page=_MOST)}


PAGES = (
    ConsolePage(
        "/clusters",
        "clusters:read",
        "clusters.html",
        load_clusters,
        "Clusters",
        live=("list",),
        every_s=5.0,
    ),
    ConsolePage(
        "/clusters/{id:[0-9]{1,18}}",
        "clusters:read",
        "cluster.html",
        load_cluster,
        "Cluster",
        nav="/clusters",
        live=("members",),
        every_s=5.0,
    ),
    ConsolePage(
        "/applications",
        "applications:read",
        "applications.html",
        load_applications,
        "Applications",
    ),
)
