"""What the palette finds: hosts, downloads, and (where the person may see them) models."""

from __future__ import annotations

from itertools import islice
from typing import Any

from manager.console.filters import file_name
from manager.console.page import ConsolePage, Visit

_EACH = 6


async def load(visit: Visit) -> dict[str, Any]:
    words = visit.ask("q").strip().lower().split()
    if not words:
        return {"answer": {"found": []}}

    def fits(text: str) -> bool:
        return all(word in text.lower() for word in words)

    state = visit.state
    hosts = (host for host in state.hosts.values() if fits(f"{host.hostname} {host.ip} {host.idc}"))
    tasks = (task for task in state.tasks() if fits(f"{task.url} {task.id}"))
    models = await visit.rows_if("models:read", "/api/v1/models", per_page=1000)
    found = [
        {"title": model.name, "kind": "model", "href": f"/models/{model.name}"}
        for model in islice((model for model in models if fits(model.name)), _EACH)
    ]
    found += [
        {"title": file_name(task.url), "kind": "download", "href": f"/tasks/{task.id}"}
        for task in islice(tasks, _EACH)
    ]
    found += [
        {"title": host.hostname, "kind": "host", "href": f"/hosts/{host.id}"}
        for host in islice(hosts, _EACH)
    ]
    return {"answer": {"found": found}}


PAGES = (ConsolePage("/search", "overview:read", "", load, "Search"),)
