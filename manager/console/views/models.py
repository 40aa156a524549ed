"""Models, their versions and tags; who may use them; replication, webhooks, secrets and volumes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from manager.auth.modelrights import Level
from manager.console.page import ConsolePage, Visit
from manager.console.views.lists import linker
from manager.models.names import folder_of, version_folder
from manager.webhooks.outbox import EVENTS

_MOST = 1000
PER_PAGE = 50


async def load_list(visit: Visit) -> dict[str, Any]:
    number, words = visit.number("page", 1), visit.ask("q").strip()
    query = {"search": words} if words else {}
    page = await visit.get("/api/v1/models", page=number, per_page=PER_PAGE, **query)
    link = linker(visit)
    return {
        "models": page.items,
        "total": page.total,
        "page_number": number,
        "per_page": PER_PAGE,
        "q": words,
        "turn": lambda turned: link(page=turned),
        "base": str(visit.call.request.url.origin()),
    }


async def load_one(visit: Visit) -> dict[str, Any]:
    name = f"{visit.text('org')}/{visit.text('name')}"
    path = f"/api/v1/models/{name}"
    model = await visit.get(path)
    versions = await visit.get(f"{path}/versions", per_page=100)
    tags = await visit.rows(f"{path}/tags")
    asked = visit.ask("version")
    shown = next((v for v in versions.items if v.revision == asked), None)
    shown = shown or next(iter(versions.items), None)
    files = None
    if shown is not None:
        files = await visit.get(
            f"{path}/versions/{shown.revision}/files",
            page=visit.number("page", 1),
            per_page=PER_PAGE,
        )
    link = linker(visit)
    return {
        "title": name,
        "model": model,
        "versions": versions,
        "tags": tags,
        "shown": shown,
        "files": files,
        "page_number": visit.number("page", 1),
        "per_page": PER_PAGE,
        "link": link,
        "turn": lambda turned: link(page=turned),
        "grants": await _grants(visit, name),
        "replications": await _replications(visit, name),
        "source": _source(model, shown),
        "may_write": visit.principal.may("models:write") and model.level != Level.READ,
        "may_rule": visit.principal.may("models:write") and model.level == Level.ADMIN,
    }


def _source(model: Any, shown: Any) -> str:
    """Where the shown version lies in its volume: by its tag if it has one."""
    volume = f"dffs://{model.volume}"
    if shown is None:
        return f"{volume}/{folder_of(model.name)}"
    if shown.tags:
        return f"{volume}/{folder_of(model.name)}/{shown.tags[0]}"
    return f"{volume}/{version_folder(model.name, shown.revision)}"


async def _grants(visit: Visit, name: str) -> list[tuple[str, str, str]]:
    """Team, pattern and level of every grant that is about the model."""
    found = []
    for team in await visit.rows_if("teams:read", "/api/v1/teams", per_page=_MOST):
        for grant in await visit.rows(f"/api/v1/teams/{team.id}/models"):
            if fnmatchcase(name, grant.pattern):
                found.append((team.name, grant.pattern, grant.level))
    return found


async def _replications(visit: Visit, name: str) -> list[Any]:
    rows = await visit.rows_if("replication:read", "/api/v1/replications", per_page=_MOST)
    return [row for row in rows if row.model == name]


async def load_replication(visit: Visit) -> dict[str, Any]:
    return {
        "rules": await visit.rows("/api/v1/replication-rules", per_page=_MOST),
        "rows": (await visit.get("/api/v1/replications", per_page=100)).items,
        "volumes": await visit.rows_if("models:read", "/api/v1/volumes"),
    }


async def load_webhooks(visit: Visit) -> dict[str, Any]:
    hooks = await visit.rows("/api/v1/webhooks", per_page=_MOST)
    sent = {
        hook.id: (await visit.get(f"/api/v1/webhooks/{hook.id}/deliveries", per_page=5)).items
        for hook in hooks[:20]
    }
    return {"hooks": hooks, "sent": sent, "events": EVENTS}


async def load_secrets(visit: Visit) -> dict[str, Any]:
    return {
        "secrets": await visit.rows("/api/v1/secrets"),
        "volumes": await visit.rows_if("models:read", "/api/v1/volumes"),
    }


PAGES = (
    ConsolePage("/models", "models:read", "models.html", load_list, "Models"),
    ConsolePage(
        "/models/{org}/{name}", "models:read", "model.html", load_one, "Model", nav="/models"
    ),
    ConsolePage(
        "/replication",
        "replication:read",
        "replication.html",
        load_replication,
        "Replication",
        live=("states",),
    ),
    ConsolePage(
        "/webhooks",
        "webhooks:read",
        "webhooks.html",
        load_webhooks,
        "Webhooks",
        live=("list",),
        every_s=5.0,
    ),
    ConsolePage("/secrets", "secrets:read", "secrets.html", load_secrets, "Secrets and volumes"),
)
