"""The overview: figures, traffic, running downloads, alarms, one dot per host."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from dfcore.errors import NotFound
from manager.console.filters import percent, rate
from manager.console.page import ConsolePage, Visit
from manager.observe.alarms import Alarm
from manager.observe.history import Ring, smoothed
from manager.observe.model import Host
from manager.observe.state import State

STATES = ("idle", "fetching", "serving", "full", "quarantined")
_CODES = {state: str(code) for code, state in enumerate(STATES)}
_RUNNING_SHOWN = 10


async def load(visit: Visit) -> dict[str, Any]:
    state = visit.state
    running = [task for task in state.tasks() if task.running]
    alarms = state.alarms(time.time())
    return {
        "stations": len(state.stations),
        "host_count": state.host_count,
        "census": state.census,
        "now": state.history.now,
        "trend": smoothed([sum(row) for row in zip(*_fine(state)[1:], strict=True)][-150:], 30),
        "total": state.total,
        "running_count": len(running),
        "running_peers": sum(task.running_count for task in running),
        "tasks": running[:_RUNNING_SHOWN],
        "alarms": alarms,
        "critical": any(alarm.severity == "critical" for alarm in alarms),
        "alarm_hint": _hint(alarms),
        "data": _data(visit, state),
    }


def _fine(state: State) -> list[list[float]]:
    return state.history.fine.columns()


def _data(visit: Visit, state: State) -> dict[str, Any]:
    if visit.ask("span") == "coarse":
        return {"coarse": _whole(state.history.coarse), "fine": [[], [], [], []]}
    after = float(visit.ask("after") or 0) if _is_number(visit.ask("after")) else 0.0
    field_at = f"{max((s.hosts_at for s in state.stations.values()), default=0.0):.3f}"
    data: dict[str, Any] = {"fine": _whole(state.history.fine, after), "field_at": field_at}
    if visit.ask("field") != field_at:
        data["field"] = "".join(map(_CODES.__getitem__, state.census.states))
    return data


def _whole(ring: Ring, after: float = 0.0) -> list[list[Any]]:
    """Whole bytes are exact enough, and shorter."""
    times, *values = ring.columns(after)
    return [[round(at, 2) for at in times], *([round(v) for v in column] for column in values)]


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and text.isascii()


def _hint(alarms: list[Alarm]) -> str:
    if not alarms:
        return "all is well"
    worst = [alarm for alarm in alarms if alarm.severity == alarms[0].severity]
    return f"{len(worst)} {worst[0].severity}"


async def at(visit: Visit) -> dict[str, Any]:
    """Which host a dot is; `?open` leads to its page."""
    hosts = visit.state.hosts
    index = int(visit.text("index"))
    if index >= len(hosts):
        raise NotFound("there are not so many hosts")
    host = list(hosts.values())[index]
    if "open" in visit.call.request.query:
        return {"forward": f"/hosts/{quote(host.id)}"}
    return {"answer": {"hostname": host.hostname, "about": about(host)}}


def about(host: Host) -> str:
    """A host in one line."""
    words = [host.state, host.idc, f"disk {percent(host.disk_share)}"]
    if host.served_rate >= 1:
        words.append(f"gives {rate(host.served_rate)}")
    return " · ".join(word for word in words if word)


PAGES = (
    ConsolePage(
        "/",
        "overview:read",
        "overview.html",
        load,
        "Overview",
        live=("welcome", "tiles", "running", "sources", "alarmlist", "fieldlegend"),
    ),
    ConsolePage("/hosts/at/{index:[0-9]{1,6}}", "overview:read", "", at, "Host"),
)
