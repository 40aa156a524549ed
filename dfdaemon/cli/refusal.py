"""An origin's refusal in one line: its status, and its own words where it has some. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from dfcore.errors import MeganeuraError, OriginRefused

_MAX_WORDS = 300


def told(what: str, error: OriginRefused) -> MeganeuraError:
    """The origin's refusal in one line: status, and its own words where it has some."""
    try:
        phrase = f"{error.status} {HTTPStatus(error.status).phrase}"
    except ValueError:
        phrase = str(error.status)
    words = _words(error.headers, error.body)
    return MeganeuraError(f"{what}: the origin answered {phrase}{f': {words}' if words else ''}")


def _words(headers: Mapping[str, str], body: bytes) -> str:
    named = {name.lower(): value for name, value in headers.items()}
    text = named.get("x-error-message") or body.decode("utf-8", "replace")
    if text.startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            document = {}
        text = str(document.get("error") or document.get("message") or "")
    if text.lstrip().startswith("<"):
        return ""  # a page for people with browsers
    return " ".join(text.split())[:_MAX_WORDS]
