"""Which addresses a job may make the manager and the nodes ask.

A job's URL is written by a user, and asked by machines that reach more than the user does: metadata
services of clouds, the manager's own ports, other services of a node. Loopback, link-local, unspecified
and multicast addresses are refused unless the configuration allows them. Names are resolved here, and
the manager's own requests connect to the very addresses that were checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from dfcore.errors import BadInput, Denied, OriginUnreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Metadata services outside of the link-local networks: AWS over IPv6, Alibaba Cloud.
_METADATA = (
    ipaddress.ip_network("fd00:ec2::254/128"),
    ipaddress.ip_network("100.100.100.200/32"),
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks of a configuration. Raises ValueError."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


class Targets:
    """The rule, and what the configuration excepts from it."""

    def __init__(self, allowed: Iterable[Network] = (), trusted: Iterable[str] = ()) -> None:
        """``trusted`` are URLs whose host and port the configuration names itself, such as the Hub."""
        self._allowed = tuple(allowed)
        self._trusted = {_place(url) for url in trusted}

    def permits(self, address: Address) -> bool:
        """Whether a request may go to this address."""
        plain = _plain(address)
        if any(plain.version == net.version and plain in net for net in self._allowed):
            return True
        if any(plain.version == net.version and plain in net for net in _METADATA):
            return False
        return not (
            plain.is_loopback
            or plain.is_link_local
            or plain.is_unspecified
            or plain.is_multicast
            or plain.is_reserved
        )

    def check_literal(self, url: str) -> str:
        """The host of a URL. Raises BadInput for no URL, Denied for an address that is not permitted."""
        try:
            host = urlsplit(url).hostname
            _ = urlsplit(url).port
        except ValueError:
            host = None
        if not host:
            raise BadInput("the URL names no host")
        if _place(url) in self._trusted:
            return host
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            if host.rstrip(".").lower() in ("localhost", "metadata", "metadata.google.internal"):
                self._check(host, _of_local_name(host))
            return host
        self._check(host, address)
        return host

    async def check(self, url: str) -> None:
        """Raise unless every address of the URL's host is permitted."""
        host = self.check_literal(url)
        await self.resolve(host, _place(url)[1])

    async def resolve(self, host: str, port: int) -> list[tuple[str, socket.AddressFamily]]:
        """The permitted addresses of a name; Denied if it has any other."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise OriginUnreachable(f"there is no host {host[:100]}") from None
        addresses: list[tuple[str, socket.AddressFamily]] = [
            (str(info[4][0]), info[0]) for info in found
        ]
        for text, _ in addresses if (host, port) not in self._trusted else ():
            self._check(host, ipaddress.ip_address(text.partition("%")[0]))
        return addresses

    def _check(self, host: str, address: Address) -> None:
        if not self.permits(address):
            raise Denied(
                f"{host[:100]} is an address of the inner network that jobs may not ask; "
                "targets.allow of the manager's configuration excepts networks"
            )


class CheckedResolver(AbstractResolver):
    """Names for aiohttp: only those whose every address is permitted."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Called by aiohttp for each host that is not an address."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=found,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address, found in await self._targets.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _plain(address: Address) -> Address:
    """The IPv4 address behind its IPv6 spellings."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _of_local_name(host: str) -> Address:
    return ipaddress.ip_address(
        "127.0.0.1" if host.lower().startswith("local") else "169.254.169.254"
    )
