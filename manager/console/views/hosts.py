"""Hosts and their caches: a list to search and sort, and each on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcore.errors import MeganeuraError, NotFound
from manager.console.page import ConsolePage, Visit
from manager.console.views.lists import cut, paging
from manager.observe.model import Held, Host

COLUMNS = (
    ("name", "Host", ""),
    ("state", "State", ""),
    ("disk", "Disk", ""),
    ("blobs", "Blobs", "right"),
    ("gives", "Gives", "right"),
    ("cpu", "CPU", "right"),
    ("seen", "Seen", "right"),
)
_KEYS: dict[str, Callable[[Host], Any]] = {
    "name": lambda host: (not host.seed, host.hostname),
    "state": lambda host: host.state,
    "disk": lambda host: host.disk_share,
    "blobs": lambda host: host.task_count,
    "gives": lambda host: host.served_rate,
    "cpu": lambda host: host.cpu_percent,
    "seen": lambda host: host.announced_at,
}
STATES = ("fetching", "serving", "idle", "full", "quarantined")


async def load_list(visit: Visit) -> dict[str, Any]:
    census, words, state = visit.state.census, visit.ask("q").lower().split(), visit.ask("state")
    sort = visit.ask("sort", "name")
    key, down = sort.lstrip("-"), sort.startswith("-")
    found = [h for h in visit.state.hosts.values() if _wanted(h, state) and _named(h, words)]
    if sort != "name":
        found.sort(key=_KEYS.get(key, _KEYS["name"]), reverse=down)
    made = cut(visit, found)
    counted = [
        (name, name.title(), census.by_state[name]) for name in STATES if name in census.by_state
    ]
    return {
        "census": census,
        "hosts": made.items,
        "q": visit.ask("q"),
        "state": state,
        "states": [("", "All", None), ("seed", "Seeds", census.seeds), *counted],
        "columns": COLUMNS,
        "sort": key,
        "down": down,
        **paging(visit, made),
    }


def _wanted(host: Host, state: str) -> bool:
    return not state or (host.seed if state == "seed" else host.state == state)


def _named(host: Host, words: list[str]) -> bool:
    text = f"{host.hostname} {host.ip} {host.idc} {host.location} {host.id}".lower()
    return all(word in text for word in words)


async def load_one(visit: Visit) -> dict[str, Any]:
    host = visit.state.hosts.get(visit.text("host_id"))
    if host is None:
        raise NotFound(f"no scheduler knows host {visit.text('host_id')[:100]}")
    try:
        held: list[Held] | None = await visit.collector.held(host.id)
    except MeganeuraError:
        held = None
    return {"title": host.hostname, "host": host, "held": held}


PAGES = (
    ConsolePage(
        "/hosts",
        "overview:read",
        "hosts.html",
        load_list,
        "Hosts and caches",
        live=("sub", "list"),
        every_s=5.0,
    ),
    ConsolePage(
        "/hosts/{host_id}",
        "overview:read",
        "host.html",
        load_one,
        "Host",
        nav="/hosts",
        live=("tiles", "cache"),
        every_s=5.0,
    ),
)
