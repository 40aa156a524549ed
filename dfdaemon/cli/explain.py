"""``dfctl explain URL``: whether the node's proxy would take a URL through the swarm, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from multidict import CIMultiDict

from dfcore.errors import BadInput
from dfdaemon.cli.entry import HEADER
from dfdaemon.cli.tables import show_one
from dfdaemon.config import DaemonConfig
from dfdaemon.proxy.rules import Route, Rules, Way
from dfdaemon.proxy.target import Form, Target, parse_authority
from dfinfra import config as settings
from dfinfra.redact import redact_text

_MEANING = {
    Way.HUB: "files through the swarm, metadata shared by the cluster",
    Way.CDN: "through the swarm",
    Way.SWARM: "through the swarm",
    Way.DIRECT: "passed on to the origin, past the swarm",
    Way.DENY: "refused",
    Way.TUNNEL: "tunnelled untouched: the proxy sees the host name only",
    Way.INTERCEPT: "decrypted with the node's CA",
}
_THROUGH = (Way.HUB, Way.CDN, Way.SWARM)


@click.command("explain")
@click.argument("url")
@click.option("-H", "--header", "headers", type=HEADER, multiple=True, help="Of the request.")
@click.option("-X", "--method", default="GET", show_default=True)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="DFCTL_CONFIG",
    help="The node's YAML file. [default: the defaults of a node]",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def command(
    url: str, headers: tuple[tuple[str, str], ...], method: str, path: Path | None, as_json: bool
) -> None:
    """Say whether a request for URL would go through the swarm, and why.

    URL is what the client asks for: with https:// it comes to the proxy in a tunnel. A path alone
    (/owner/repo/resolve/main/file) is a request to the node's mirror, as with HF_ENDPOINT.
    """
    config = settings.load(DaemonConfig, path)
    rules = Rules(config.proxy, config.hub)
    show_one(explain(rules, method.upper(), url, CIMultiDict(headers)), as_json=as_json)


def explain(rules: Rules, method: str, url: str, headers: CIMultiDict[str]) -> dict[str, Any]:
    """What becomes of the request, step by step."""
    target = _target(url)
    told: dict[str, Any] = {"request": f"{method} {_shown(url)}"}
    if target.form is Form.INTERCEPTED:
        tunnel = Target(Form.CONNECT, "https", parse_authority(target.authority, 443), "")
        route = rules.route("CONNECT", tunnel, headers)
        told |= {"connect": route.way.value, "connect_reason": route.reason}
        if route.way is not Way.INTERCEPT:
            return told | _verdict(route)
    route = rules.route(method, target, headers, "http://127.0.0.1")
    told |= {"way": route.way.value, "reason": route.reason}
    if route.url and _shown(route.url) != _shown(url):
        told["origin"] = _shown(route.url)
    return told | _verdict(route)


def _verdict(route: Route) -> dict[str, Any]:
    return {"swarm": route.way in _THROUGH, "meaning": _MEANING[route.way]}


def _target(url: str) -> Target:
    if url.startswith("/"):
        return Target(Form.ORIGIN, "http", "127.0.0.1", url)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadInput(f"{_shown(url)!r} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{_shown(url)!r} is not an http:// or https:// URL, nor a path")
    authority = parts.netloc.rpartition("@")[2].lower()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    form = Form.INTERCEPTED if parts.scheme == "https" else Form.ABSOLUTE
    return Target(form, parts.scheme, authority, path)


def _shown(url: str) -> str:
    """Without the query, which may be a signature."""
    bare, mark, _ = url.partition("?")
    return redact_text(bare)[:500] + ("?…" if mark else "")
