"""Which hosts a job is about: scope, addresses, count, percentage. Pure.

Dragonfly's rule of precedence: ``ips`` before ``count`` before ``percentage``. The choice among many
is made by a hash of job and host, so that a replica that continues a job chooses the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dfcore.errors import BadInput, NotFound
from dfcore.hosts import host_port


class Scope(StrEnum):
    """Where content is brought, in Dragonfly's words."""

    SINGLE_SEED_PEER = "single_seed_peer"
    ALL_SEED_PEERS = "all_seed_peers"
    ALL_PEERS = "all_peers"


@dataclass(frozen=True, slots=True)
class JobHost:
    """A host that a job may ask.

    ``address`` is that of its peer gRPC, ``ip:port``; ``secure_address`` where it takes gRPC over the
    cluster's TLS, if it is one of ours and has a certificate.
    """

    id: str
    hostname: str
    ip: str
    port: int
    seed: bool
    cluster_id: int = 0
    download_port: int = 0

    @property
    def address(self) -> str:
        """Where its gRPC listens."""
        return host_port(self.ip, self.port)

    @property
    def secure_address(self) -> str:
        """Its Vortex port; empty if it is not known."""
        return host_port(self.ip, self.download_port) if self.download_port else ""


@dataclass(frozen=True, slots=True)
class HostChoice:
    """What a user said about the hosts."""

    scope: Scope = Scope.SINGLE_SEED_PEER
    ips: tuple[str, ...] = ()
    count: int | None = None
    percentage: int | None = None


def choose(hosts: Iterable[JobHost], choice: HostChoice, salt: str) -> list[JobHost]:
    """The hosts of a job, seeds first. Raises NotFound if there are none, and for unknown addresses."""
    known = {host.id: host for host in hosts}.values()
    eligible = [host for host in known if host.seed or choice.scope is Scope.ALL_PEERS]
    if not eligible:
        raise NotFound(
            "no host is known" if choice.scope is Scope.ALL_PEERS else "no seed peer is known"
        )
    if choice.ips:
        return _ordered(_by_address(eligible, choice.ips))
    return _ordered(_drawn(eligible, _number(choice, len(eligible)), salt))


def _by_address(hosts: Sequence[JobHost], ips: tuple[str, ...]) -> list[JobHost]:
    found = [
        host for host in hosts if host.ip in ips or host.hostname in ips or host.address in ips
    ]
    named = {name for host in found for name in (host.ip, host.hostname, host.address)}
    missing = sorted(set(ips) - named)
    if missing:
        raise NotFound(f"no such host in this scope: {', '.join(missing[:10])}")
    return found


def _number(choice: HostChoice, total: int) -> int:
    if choice.scope is Scope.SINGLE_SEED_PEER:
        return 1
    if choice.count is not None:
        return min(choice.count, total)
    if choice.percentage is not None:
        return max(1, -(-total * choice.percentage // 100))
    return total


def _drawn(hosts: list[JobHost], number: int, salt: str) -> list[JobHost]:
    if number >= len(hosts):
        return hosts
    return sorted(hosts, key=lambda host: _lot(host, salt))[:number]


def _lot(host: JobHost, salt: str) -> bytes:
    return hashlib.sha256(f"{salt}\0{host.id}".encode()).digest()


def _ordered(hosts: list[JobHost]) -> list[JobHost]:
    return sorted(hosts, key=lambda host: (not host.seed, host.id))


def check_choice(choice: HostChoice) -> None:
    """Raise BadInput for numbers that make no sense."""
    if choice.count is not None and choice.count < 1:
        raise BadInput("count: must be at least 1")
    if choice.percentage is not None and not 1 <= choice.percentage <= 100:
        raise BadInput("percentage: must be from 1 to 100")
