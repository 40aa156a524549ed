"""Writes docs/manager-api.md from the table of routes and the ladder of roles.

``python -m tests.component.manager.reference``; a test compares its text with the file.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from manager import app
from manager.auth.permissions import LADDER, OBJECTS, Role, permissions_of
from manager.config import DatabaseConfig, ManagerConfig
from manager.rest.routes import Route

TARGET = Path(__file__).parents[3] / "docs" / "manager-api.md"
HEAD = """\
# The manager's REST API: routes and rights

Written from the table of routes that the manager serves (`manager/rest/routes.py:Route`); a test
holds that every route lets in exactly whom this page says. The full description of bodies and
answers is the OpenAPI document that every manager gives at `/api/v1/openapi.json` (and at
Dragonfly's place, `/swagger/doc.json`).

## Who may what

Roles are a ladder: each may what those left of it may. A token may what its user may, as far as its
scopes go: a scope is an object of this table (`jobs`), a permission (`jobs:read`), or one of
Dragonfly's names (`job`, `cluster`). Root makes further roles of any set of permissions (`POST
/api/v1/roles`).

"""


def routes() -> tuple[Route, ...]:
    """All routes that a manager has."""

    async def build() -> tuple[Route, ...]:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/none.db"
            built = app.build(ManagerConfig(database=DatabaseConfig(url=url)))
            await built.core.channels.close()
            built.core.database.close()
            return built.routes

    return asyncio.run(build())


def reference(table: Sequence[Route]) -> str:
    """The document."""
    lines = [HEAD + "| object | " + " | ".join(LADDER) + " |", "|---|" + "---|" * len(LADDER)]
    lines += [_rights(name) for name in sorted(OBJECTS)]
    documented = [route for route in table if route.documented]
    lines += ["", "## Routes", ""]
    for tag in sorted({_tag(route) for route in documented}):
        lines += [f"### {tag}", "", "| | | needs | from |", "|---|---|---|---|"]
        lines += [_row(route) for route in documented if _tag(route) == tag]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _rights(name: str) -> str:
    cells = []
    for role in LADDER:
        own = permissions_of(role)
        may = [action for action in ("read", "write") if f"{name}:{action}" in own]
        cells.append(", ".join(may) or "·")
    return f"| `{name}` | " + " | ".join(cells) + " |"


def _row(route: Route) -> str:
    needs = f"`{route.permission}`" if route.permission else "nothing"
    path = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)
    return f"| `{route.method} {path}` | {route.summary} | {needs} | {_least(route)} |"


def _least(route: Route) -> str:
    if route.permission is None:
        return "anybody"
    able: list[Role] = [role for role in LADDER if route.permission in permissions_of(role)]
    return able[0].value if able else "nobody"


def _tag(route: Route) -> str:
    parts = route.path.strip("/").split("/")
    named = route.tag or (parts[2] if len(parts) > 2 and parts[1] == "v1" else parts[0])
    return f"{named} (Dragonfly's open API)" if parts[0] == "oapi" else named


if __name__ == "__main__":
    TARGET.write_text(reference(routes()))
