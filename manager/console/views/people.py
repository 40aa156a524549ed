"""Users, teams, tokens, one's own profile, and the record of what everybody changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from manager.auth.permissions import OBJECTS
from manager.console.page import ConsolePage, Visit
from manager.console.views.lists import linker

_MOST = 1000
PER_PAGE = 50
ABOUT_ROLES = {
    "guest": "Sees the swarm, clusters, jobs and models.",
    "member": "Orders preheats and pushes models.",
    "operator": "Changes clusters, limits, replication; sees the audit.",
    "root": "May everything, and makes users.",
}


async def load_users(visit: Visit) -> dict[str, Any]:
    users = await visit.rows("/api/v1/users", per_page=_MOST)
    words = visit.ask("q").lower().split()
    found = [u for u in users if all(w in f"{u.name} {u.email} {u.roles}".lower() for w in words)]
    return {"users": found, "q": visit.ask("q"), "roles": await _roles(visit)}


async def _roles(visit: Visit) -> list[tuple[str, str]]:
    names = await visit.rows_if("roles:read", "/api/v1/roles")
    return [(name, ABOUT_ROLES.get(name, "")) for name in names]


async def load_user(visit: Visit) -> dict[str, Any]:
    return await _user(visit, visit.text("id"))


async def load_profile(visit: Visit) -> dict[str, Any]:
    return await _user(visit, str(visit.principal.user_id))


async def _user(visit: Visit, user_id: str) -> dict[str, Any]:
    user = await visit.get(f"/api/v1/users/{user_id}")
    return {
        "title": user.name,
        "user": user,
        "own": user.id == visit.principal.user_id,
        "roles": await _roles(visit),
    }


async def load_teams(visit: Visit) -> dict[str, Any]:
    teams = await visit.rows("/api/v1/teams", per_page=_MOST)
    members = {t.id: await visit.rows(f"/api/v1/teams/{t.id}/users") for t in teams[:50]}
    grants = {t.id: await visit.rows(f"/api/v1/teams/{t.id}/models") for t in teams[:50]}
    users = await visit.rows_if("users:read", "/api/v1/users", per_page=_MOST)
    return {"teams": teams, "members": members, "grants": grants, "users": users}


async def load_tokens(visit: Visit) -> dict[str, Any]:
    tokens = await visit.rows("/api/v1/personal-access-tokens", per_page=_MOST)
    now = datetime.now(UTC)
    longest = timedelta(seconds=visit.call.core.config.auth.token_max_s)
    scopes = [name for name in OBJECTS if visit.principal.may(f"{name}:read")]
    return {
        "tokens": tokens,
        "scopes": scopes,
        "ends": [
            (f"{days} days", (now + timedelta(days=days)).isoformat(timespec="seconds"))
            for days in (7, 30, 90, 365)
            if timedelta(days=days) < longest
        ],
        "now": now,
    }


async def load_audit(visit: Visit) -> dict[str, Any]:
    number, state, actor = visit.number("page", 1), visit.ask("state"), visit.ask("actor").strip()
    query: dict[str, Any] = {}
    if state in ("SUCCESS", "FAILURE"):
        query["state"] = state
    if actor:
        query["actor_name"] = actor
    page = await visit.get("/api/v1/audits", page=number, per_page=PER_PAGE, **query)
    link = linker(visit)
    return {
        "entries": page.items,
        "total": page.total,
        "page_number": number,
        "per_page": PER_PAGE,
        "state": state,
        "actor": actor,
        "link": link,
        "turn": lambda turned: link(page=turned),
    }


PAGES = (
    ConsolePage("/users", "users:read", "users.html", load_users, "Users"),
    ConsolePage(
        "/users/{id:[0-9]{1,18}}", "users:read", "user.html", load_user, "User", nav="/users"
    ),
    ConsolePage("/profile", "profile:read", "user.html", load_profile, "Profile"),
    ConsolePage("/teams", "teams:read", "teams.html", load_teams, "Teams"),
    ConsolePage(
        "/tokens", "personal-access-tokens:read", "tokens.html", load_tokens, "Access tokens"
    ),
    ConsolePage("/audit", "audits:read", "audit.html", load_audit, "Audit"),
)
