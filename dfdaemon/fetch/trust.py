"""Whose word counts for an origin's certificate, by host: one answer for every connection to origins.

The system's authorities vouch for every host, and so do those of ``origin.caFile``. All others are
private ones and vouch for the hosts they are configured for and no more. What a host trusts stands in
its own configuration alone: a request, a task or another host can name no authority. Thread-safe.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dfcore.errors import ConfigError
from dfcore.hosts import host_port, is_one_of


@dataclass(frozen=True, slots=True)
class TrustConfig:
    """``certs`` are PEM files of the authorities that vouch for ``hosts``: names or ``host:port``,
    with ``*``."""

    hosts: tuple[str, ...]
    certs: tuple[Path, ...]

    def __post_init__(self) -> None:
        if not self.hosts:
            raise ValueError("hosts: must name one or more hosts")
        if not self.certs:
            raise ValueError("certs: must name one or more PEM files")


@dataclass(frozen=True, slots=True)
class Vouching:
    """Authorities for hosts, as ``key`` of the configuration has them."""

    key: str
    trust: TrustConfig


class OriginTrust:
    """Contexts for TLS to origins. Raises ConfigError if a file cannot be read.

    ``general`` are authorities, beside the system's, for all hosts, as ``origin.caFile`` has them.
    """

    def __init__(self, general: Sequence[Path] = (), private: Sequence[Vouching] = ()) -> None:
        self._private = tuple(private)
        self._general = [("origin.caFile", path) for path in general]
        self._contexts: dict[tuple[int, ...], ssl.SSLContext] = {}
        # Now, so that a file that cannot be read is told at the start; later ones are mixtures.
        for chosen in ((), *((number,) for number in range(len(self._private)))):
            self._contexts[chosen] = self._made(chosen)
        self._unverified = unverified_context()

    def context(self, url: str, *, verified: bool = True) -> ssl.SSLContext:
        """For a connection to the origin of the URL; one that verifies, unless told otherwise."""
        parts = urlsplit(url)
        return self.for_place(parts.hostname or "", parts.port or 443, verified=verified)

    def for_place(self, host: str, port: int, *, verified: bool = True) -> ssl.SSLContext:
        """The same by name or address, without brackets, and port."""
        if not verified:
            return self._unverified
        name = host_port(host.lower(), port)
        chosen = tuple(
            number
            for number, vouching in enumerate(self._private)
            if is_one_of(name, vouching.trust.hosts)
        )
        context = self._contexts.get(chosen)
        if context is None:
            context = self._contexts[chosen] = self._made(chosen)
        return context

    def _made(self, chosen: tuple[int, ...]) -> ssl.SSLContext:
        context = ssl.create_default_context()
        files = list(self._general)
        for number in chosen:
            vouching = self._private[number]
            files += [(vouching.key, path) for path in vouching.trust.certs]
        for key, path in files:
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError) as error:
                reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
                raise ConfigError(f"{key}: {path}: {reason}") from error
        context.set_alpn_protocols(["http/1.1"])
        return context


def unverified_context() -> ssl.SSLContext:
    """Only for those who ask for it by name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
