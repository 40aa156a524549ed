"""Fills a manager through its REST, as people would have: users, clusters, tokens, jobs, models."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


class Client:
    """REST with a session's token."""

    def __init__(self, url: str, password: str, name: str = "root") -> None:
        self._url = url
        self._token = ""
        self._token = self.post("/api/v1/users/signin", name=name, password=password)["token"]

    def post(self, path: str, **body: Any) -> Any:
        return self.send("POST", path, body)

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What is answered; raises with the answer's own words."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:400]!r}") from error
        return json.loads(text) if text else None


def fill(url: str, password: str) -> None:
    """What the pages of the tests show."""
    Client(url, password)
