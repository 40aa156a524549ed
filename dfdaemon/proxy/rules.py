"""Where a request goes: through the swarm, through the Hub mirror, past both, or nowhere. Pure.

Called by the server for every request and by ``dfctl`` to explain why a URL would or would not go
through the swarm. The first rule whose expression is found in the URL without query wins
(Dragonfly's rule).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from dfcore.errors import BadInput
from dfcore.hosts import is_one_of
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.routes import Kind, parse
from dfdaemon.proxy.config import ProxyConfig, RuleConfig
from dfdaemon.proxy.headers import REGISTRY, DragonflyHeaders, parse_dragonfly
from dfdaemon.proxy.target import Form, Target, parse_authority

# Blobs of OCI registries: the rule that Dragonfly's chart and Go daemon have built in.
_BLOB = re.compile(r"/v2/.*/blobs/sha256:")


class Way(enum.Enum):
    """What is done with a request."""

    HUB = "hub"
    CDN = "cdn"
    SWARM = "swarm"
    DIRECT = "direct"
    DENY = "deny"
    TUNNEL = "tunnel"
    INTERCEPT = "intercept"


@dataclass(frozen=True, slots=True)
class Route:
    """``url`` is what the origin is asked for; ``reason`` says in a few words why it goes this way.

    ``insecure``: the certificate of the origin is not verified.
    ``authority`` is set in mirror mode: links of the Hub are made to lead there.
    """

    way: Way
    url: str = field(repr=False)
    reason: str
    insecure: bool = False
    authority: str = ""


class Rules:
    """The configuration, compiled."""

    def __init__(self, config: ProxyConfig, hub: HubConfig) -> None:
        self._config = config
        self._hub = hub
        self._rules = [(re.compile(rule.regx), rule) for rule in config.proxies]
        self._intercepted = [re.compile(host) for host in config.intercept.hosts]
        self._hub_hosts = (hub.authority, *hub.hosts)

    def route(
        self, method: str, target: Target, headers: Mapping[str, str], base: str = ""
    ) -> Route:
        """The way of a request. ``base`` is how the client addresses us (``http://host:port``)."""
        if target.form is Form.CONNECT:
            return self._route_connect(target)
        wishes = parse_dragonfly(headers)
        if target.form is Form.ORIGIN:
            return self._route_origin_form(method, target, wishes, base)
        return self._route_url(method, target.url, wishes)

    def explain(self, method: str, url: str) -> Route:
        """The way that a proxied request for this URL would go."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadInput(f"{url[:100]!r} is not an http:// or https:// URL")
        return self._route_url(method, url, DragonflyHeaders())

    def is_hub(self, authority: str) -> bool:
        """The authority is the Hub's, under one of its names."""
        return is_one_of(authority, self._hub_hosts)

    def _route_connect(self, target: Target) -> Route:
        authority = target.authority
        if self._is_denied(authority):
            return Route(Way.DENY, authority, f"{authority} is in proxy.deniedHosts")
        if not self._config.intercept.enabled:
            return Route(Way.TUNNEL, authority, "proxy.intercept is off")
        if self.is_hub(authority):
            return Route(Way.INTERCEPT, authority, "a host of the Hub")
        if is_one_of(authority, self._hub.cdn_hosts):
            return Route(Way.INTERCEPT, authority, "a CDN of the Hub")
        for pattern in self._intercepted:
            if pattern.search(authority):
                return Route(Way.INTERCEPT, authority, f"proxy.intercept.hosts: {pattern.pattern}")
        return Route(Way.TUNNEL, authority, "no rule for this host")

    def _route_origin_form(
        self, method: str, target: Target, wishes: DragonflyHeaders, base: str
    ) -> Route:
        mirror = self._config.registry_mirror
        if wishes.registry and mirror.dynamic:
            remote = _remote(wishes.registry)
            return self._route_mirror(method, remote + target.path, wishes, base)
        path = target.path.partition("?")[0]
        namespace = parse_qs(target.path.partition("?")[2]).get("ns")
        if namespace and path.startswith("/v2/"):
            remote = f"https://{parse_authority(namespace[0], 443)}"
            return self._route_mirror(method, remote + target.path, wishes, base)
        if mirror.url and not (self._hub.mirror and _is_hub_path(path)):
            return self._route_mirror(method, mirror.url.rstrip("/") + target.path, wishes, base)
        if self._hub.mirror:
            return self._hub_route(self._hub.base + target.path, "mirror of the Hub", method, base)
        return Route(Way.DENY, "", f"no remote: neither {REGISTRY} nor proxy.registryMirror.url")

    def _route_mirror(self, method: str, url: str, wishes: DragonflyHeaders, base: str) -> Route:
        mirror = self._config.registry_mirror
        parts = urlsplit(url)
        if base and parts.netloc.lower() == urlsplit(base).netloc.lower():
            return Route(Way.DENY, url, "the remote is this proxy itself")
        if self.is_hub(parts.netloc.lower()) and self._hub.mirror and not mirror.direct:
            target = url.split(parts.netloc, 1)[1]
            return self._hub_route(
                self._hub.base + target, "registry mirror: the Hub", method, base
            )
        if mirror.direct:
            way, reason = Way.DIRECT, "proxy.registryMirror.direct is on"
        elif mirror.use_proxies:
            route = self._route_url(method, url, wishes)
            way, url, reason = route.way, route.url, f"registry mirror: {route.reason}"
        elif method == "GET" and _BLOB.search(parts.path):
            way, reason = Way.SWARM, "registry mirror: a blob of a registry"
        else:
            way, reason = Way.DIRECT, "registry mirror: not a blob of a registry"
        return Route(way, url, reason, insecure=mirror.insecure)

    def _route_url(self, method: str, url: str, wishes: DragonflyHeaders) -> Route:
        parts = urlsplit(url)
        authority = parts.netloc.lower()
        if self._is_denied(authority):
            return Route(Way.DENY, url, f"{authority} is in proxy.deniedHosts")
        rule = self._match(url)
        if rule is not None:
            url = _rewritten(url, rule)
            authority = urlsplit(url).netloc.lower()
            if rule.direct:
                return Route(Way.DIRECT, url, f"rule {rule.regx!r} says direct")
        if self.is_hub(authority):
            target = url.split(urlsplit(url).netloc, 1)[1] or "/"
            return self._hub_route(self._hub.base + target, "a host of the Hub", method, "")
        if method != "GET":
            return Route(Way.DIRECT, url, f"only GET goes through the swarm, this is {method}")
        if is_one_of(authority, self._hub.cdn_hosts):
            return Route(Way.CDN, url, "a CDN of the Hub")
        if rule is not None:
            return Route(Way.SWARM, url, f"rule {rule.regx!r}")
        if _BLOB.search(urlsplit(url).path):
            return Route(Way.SWARM, url, "a blob of a registry")
        if wishes.use_p2p:
            return Route(Way.SWARM, url, "X-Dragonfly-Use-P2P")
        return Route(Way.DIRECT, url, "no rule matches")

    def _hub_route(self, url: str, reason: str, method: str, base: str) -> Route:
        kind = parse(urlsplit(url).path).kind
        if kind is Kind.BLOB and method == "GET":
            return Route(Way.SWARM, url, f"{reason}: a blob by its digest")
        return Route(Way.HUB, url, f"{reason}: {kind.value}", authority=base)

    def _match(self, url: str) -> RuleConfig | None:
        bare = url.partition("?")[0].partition("#")[0]
        return next((rule for pattern, rule in self._rules if pattern.search(bare)), None)

    def _is_denied(self, authority: str) -> bool:
        return is_one_of(authority, self._config.denied_hosts)


def _is_hub_path(path: str) -> bool:
    kind = parse(path).kind
    return kind not in (Kind.OTHER, Kind.MANIFEST, Kind.BLOB)


def _remote(registry: str) -> str:
    """The base URL that X-Dragonfly-Registry names; a bare host is meant by https."""
    text = registry.strip() if "://" in registry else f"https://{registry.strip()}"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadInput(f"{REGISTRY}: {registry[:100]!r} is not an http:// or https:// URL")
    return text.partition("?")[0].rstrip("/")


def _rewritten(url: str, rule: RuleConfig) -> str:
    parts = urlsplit(url)
    scheme, authority = parts.scheme, parts.netloc
    if rule.redirect:
        there = urlsplit(rule.redirect if "://" in rule.redirect else f"//{rule.redirect}")
        scheme, authority = there.scheme or scheme, there.netloc
    if rule.use_https:
        scheme = "https"
        authority = authority.removesuffix(":80")
    return url.replace(f"{parts.scheme}://{parts.netloc}", f"{scheme}://{authority}", 1)
