"""Which cluster is the best one for a host. Pure.

Dragonfly's searcher (dragonflyoss/dragonfly, manager/searcher): 0.3 for an address within the
cluster's CIDRs, 0.3 for a hostname that a pattern matches, 0.25 for the data center, 0.14 for the
location (``area|country|city``, from the left, of five parts), 0.01 for the default cluster.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_CIDR, _HOSTNAME, _IDC, _LOCATION, _DEFAULT = 0.3, 0.3, 0.25, 0.14, 0.01
_SEPARATOR, _MAX_PARTS = "|", 5
_MAX_HOSTNAME = 255


@dataclass(frozen=True, slots=True)
class Where:
    """What a host says of itself."""

    ip: str
    hostname: str
    idc: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Scopes:
    """Which hosts a cluster is meant for."""

    cidrs: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    idc: str = ""
    location: str = ""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Scopes:
        """From the JSON of the cluster."""
        return cls(
            tuple(raw.get("cidrs") or ()),
            tuple(raw.get("hostnames") or ()),
            raw.get("idc") or "",
            raw.get("location") or "",
        )


def score(where: Where, scopes: Scopes, *, is_default: bool) -> float:
    """How well the cluster fits the host; 0 to 1."""
    return (
        _CIDR * _in_any(where.ip, scopes.cidrs)
        + _HOSTNAME * _matches_any(where.hostname, scopes.hostnames)
        + _IDC * _same_idc(where.idc, scopes.idc)
        + _LOCATION * _common_location(where.location, scopes.location)
        + _DEFAULT * is_default
    )


def _in_any(ip: str, cidrs: Sequence[str]) -> bool:
    address = _address(ip) if cidrs else None
    if address is None:
        return False
    networks = (_network(cidr) for cidr in cidrs)
    return any(
        network is not None and network.version == address.version and address in network
        for network in networks
    )


@lru_cache(16384)
def _address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(4096)
def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None


def _matches_any(hostname: str, patterns: Sequence[str]) -> bool:
    if not hostname:
        return False
    compiled = (_pattern(pattern) for pattern in patterns)
    return any(found is not None and found.search(hostname[:_MAX_HOSTNAME]) for found in compiled)


@lru_cache(1024)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:
        return None


def _same_idc(wanted: str, offered: str) -> bool:
    if not wanted or not offered:
        return False
    folded = wanted.casefold()
    return folded in (offered.casefold(), *offered.casefold().split(_SEPARATOR))


def _common_location(wanted: str, offered: str) -> float:
    if not wanted or not offered:
        return 0.0
    left, right = wanted.casefold(), offered.casefold()
    if left == right:
        return 1.0
    parts = zip(left.split(_SEPARATOR), right.split(_SEPARATOR), strict=False)
    common = 0
    for mine, theirs in list(parts)[:_MAX_PARTS]:
        if mine != theirs:
            break
        common += 1
    return common / _MAX_PARTS
