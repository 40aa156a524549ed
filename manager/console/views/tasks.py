"""Downloads: all that the schedulers tell of, and one of them to the last edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manager.console.filters import where_from
from manager.console.page import ConsolePage, Visit
from manager.console.views.lists import cut, paging
from manager.observe.model import Host, Peer, Task, TaskDetail

GRAPH_PEERS = 240
TABLE_PEERS = 60


async def load_list(visit: Visit) -> dict[str, Any]:
    words, show = visit.ask("q").strip().lower(), visit.ask("show")
    found = [task for task in visit.state.tasks() if _shown(task, show) and _named(task, words)]
    made = cut(visit, found)
    return {"tasks": made.items, "q": visit.ask("q"), "show": show, **paging(visit, made)}


def _shown(task: Task, show: str) -> bool:
    match show:
        case "running":
            return task.running
        case "done":
            return not task.running and task.state == "Succeeded"
        case "failed":
            return task.state == "Failed"
    return True


def _named(task: Task, words: str) -> bool:
    text = f"{task.url} {task.id} {task.digest} {task.tag} {task.application}".lower()
    return all(word in text for word in words.split())


@dataclass(frozen=True, slots=True)
class Giver:
    """From whom a peer took, named for people."""

    name: str
    kind: str
    rate: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One peer of the table."""

    host_id: str
    state: str
    seed: bool
    share: float
    rate: float
    sources: list[Giver]


async def load_one(visit: Visit) -> dict[str, Any]:
    detail = await visit.collector.task(visit.text("task_id"))
    ordered = sorted(detail.peers, key=lambda peer: (not peer.seed, -peer.rate, peer.host_id))
    names = {peer.host_id: _name(detail, peer.host_id) for peer in ordered}
    from_origin = sum(s.size_bytes for p in detail.peers for s in p.sources if not s.host_id)
    return {
        "title": _title(detail.task),
        "detail": detail,
        "task": detail.task,
        "from_origin": from_origin,
        "peers": [_row(detail, peer) for peer in ordered[:TABLE_PEERS]],
        "names": names,
        "places": {peer.host_id: _place(detail, peer.host_id) for peer in ordered},
        "delete_job": {"type": "delete_task", "args": {"task_id": detail.task.id}},
        "data": graph_of(detail, ordered[:GRAPH_PEERS]),
    }


def _title(task: Task) -> str:
    name = task.url.rstrip("/").rpartition("/")[2]
    return name or where_from(task.url) or task.id[:12]


def _row(detail: TaskDetail, peer: Peer) -> Row:
    givers = [
        Giver(_name(detail, s.host_id), _kind(detail, s.host_id), s.rate, s.size_bytes)
        for s in sorted(peer.sources, key=lambda s: (-s.rate, -s.size_bytes))
    ]
    return Row(peer.host_id, peer.state, peer.seed, _share(detail, peer), peer.rate, givers)


def _share(detail: TaskDetail, peer: Peer) -> float:
    if peer.complete:
        return 1.0
    if detail.piece_count:
        return min(1.0, int.from_bytes(peer.pieces, "little").bit_count() / detail.piece_count)
    size = detail.task.size_bytes
    return min(1.0, peer.finished_bytes / size) if size else 0.0


def _host(detail: TaskDetail, host_id: str) -> Host | None:
    return detail.hosts.get(host_id)


def _name(detail: TaskDetail, host_id: str) -> str:
    host = _host(detail, host_id)
    return "origin" if not host_id else host.hostname if host is not None else host_id


def _place(detail: TaskDetail, host_id: str) -> str:
    host = _host(detail, host_id)
    return host.idc if host is not None else ""


def _kind(detail: TaskDetail, host_id: str) -> str:
    if not host_id:
        return "origin"
    host = _host(detail, host_id)
    return "seeds" if host is not None and host.seed else "peers"


def graph_of(detail: TaskDetail, peers: list[Peer]) -> dict[str, Any]:
    """The graph as the script draws it: edges go by place in the list, -1 is the origin."""
    places = {peer.host_id: place for place, peer in enumerate(peers)} | {"": -1}
    edges = [
        (places[source.host_id], place, round(source.rate), source.size_bytes)
        for place, peer in enumerate(peers)
        for source in peer.sources
        if source.host_id in places
    ]
    return {
        "pieces": detail.piece_count,
        "edges": edges,
        "peers": [
            {
                "id": peer.host_id,
                "name": _name(detail, peer.host_id),
                "label": _label(_name(detail, peer.host_id)),
                "place": _place(detail, peer.host_id),
                "seed": peer.seed,
                "complete": peer.complete,
                "share": round(_share(detail, peer), 3),
                "rate": round(peer.rate),
                "bad": bool((host := _host(detail, peer.host_id)) and host.quarantined),
                "pieces": "" if peer.complete else peer.pieces.hex(),
            }
            for peer in peers
        ],
    }


def _label(name: str) -> str:
    """The end of a host's name tells it from its neighbours."""
    return name if len(name) <= 14 else f"…{name[-12:]}"


PAGES = (
    ConsolePage("/tasks", "overview:read", "tasks.html", load_list, "Downloads", live=("list",)),
    ConsolePage(
        "/tasks/{task_id:[0-9a-f]{64}}",
        "overview:read",
        "task.html",
        load_one,
        "Download",
        nav="/tasks",
        live=("tiles", "peers"),
    ),
)
