"""What a handler answers, before faults, ranges and HEAD are applied by body.py."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.standin.content import Content


@dataclass
class Reply:
    """Status, headers and body; `ranged` bodies obey Range and conditional headers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content: Content = field(default_factory=lambda: Content(b""))
    ranged: bool = False
    gzip: bool = False


class RefusedError(Exception):
    """Ends the handling of a request with an error reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status}")
        self.reply = reply


def json_reply(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> Reply:
    """An application/json reply."""
    data = json.dumps(value).encode()
    named = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Reply(status, named, Content(data))


def text_reply(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A text/plain reply."""
    named = {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}
    return Reply(status, named, Content(text.encode()))


def redirect(status: int, location: str, headers: dict[str, str] | None = None) -> Reply:
    """A redirect with the short text body that the Hub sends."""
    words = {302: "Found", 307: "Temporary Redirect"}[status]
    named = {"Location": location, **(headers or {})}
    return text_reply(f"{words}. Redirecting to {location}", status, named)


def error_reply(
    status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None
) -> Reply:
    """An error as the Hub words it: JSON body, X-Error-Message and X-Error-Code."""
    named = {"X-Error-Message": message, **(headers or {})}
    if code:
        named["X-Error-Code"] = code
    return json_reply({"error": message}, named, status)


def xml_error(status: int, code: str, message: str) -> Reply:
    """An error as the CDN words it."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Reply(status, {"Content-Type": "application/xml"}, Content(text.encode()))
