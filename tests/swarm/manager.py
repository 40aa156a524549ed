"""A manager's process, and a hand on its REST API."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.swarm.daemon import Daemon
from tests.swarm.guard import Guard
from tests.swarm.plan import ADDRESS
from tests.swarm.ports import free_port

PASSWORD = "a password of root"


class Manager(Daemon):
    """Starts with `restart`; ``security`` is the folder of its certificate of the cluster."""

    def __init__(self, folder: Path, guard: Guard, security: Path | None = None) -> None:
        folder.mkdir()
        password = folder / "password"
        password.write_text(PASSWORD)
        self.rest, self.grpc = free_port(), free_port()
        config = {
            "server": {
                "rest": {"ip": ADDRESS, "port": self.rest},
                "grpc": {"ip": ADDRESS, "port": self.grpc},
                "stream": {"ip": ADDRESS},
            },
            "auth": {"rootPasswordFile": str(password)},
            "admin": {"port": free_port()},
            "stateDir": str(folder / "state"),
        }
        if security is not None:
            config["security"] = {"dir": str(security)}
        super().__init__("manager", "manager", folder, config, guard)

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        request = urllib.request.Request(
            f"http://{ADDRESS}:{self.rest}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {token}"} if token else {},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def settle(self, **settings: Any) -> None:
        """Change what holds in the first cluster."""
        signed_in = self.ask("POST", "/api/v1/users/signin", {"name": "root", "password": PASSWORD})
        self.ask("PATCH", "/api/v1/clusters/1", settings, signed_in["token"])

    def active(self, kind: str) -> int:
        """How many schedulers, seed-peers or peers are active."""
        signed_in = self.ask("POST", "/api/v1/users/signin", {"name": "root", "password": PASSWORD})
        return len(self.ask("GET", f"/api/v1/{kind}?state=active", None, signed_in["token"]))
