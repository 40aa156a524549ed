"""Puts the stand-in together: state, settings, faults, counters and the listeners.

Tests use it in their own event loop (`async with StandIn(...) as standin`), or as a process
through `python -m tests.standin` and tests/standin/process.py.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.standin import ca
from tests.standin.admin import Admin
from tests.standin.cas import Cas, XetTokens
from tests.standin.cdn import Cdn
from tests.standin.content import Content
from tests.standin.counters import Counters
from tests.standin.faults import Faults
from tests.standin.hub import Hub
from tests.standin.model import HubState, Repo
from tests.standin.ratelimit import RateLimits
from tests.standin.settings import Settings
from tests.standin.signing import Signer

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Host names of their own, since clients treat one name with several ports as one host.
HOSTS = {
    "hub": "127.0.0.1",
    "cdn": "127.0.0.2",
    "cas": "127.0.0.3",
    "web": "127.0.0.4",
    "admin": "127.0.0.1",
}


class StandIn:
    """A running stand-in Hub; `ports` fixes listeners by name, others take a free port."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        root: Path | None = None,
        tls: bool = False,
        ports: dict[str, int] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.state = HubState()
        self.counters = Counters()
        self.faults = Faults()
        self.limits = RateLimits()
        self.xet_tokens = XetTokens()
        self.signer = Signer(secrets.token_bytes(32))
        self.root = root
        self.urls: dict[str, str] = {}
        self.ca_file: Path | None = None
        self._tls: ssl.SSLContext | None = None
        if tls:
            if root is None:
                raise ValueError("TLS needs a root folder for the certificates")
            self.ca_file, self._tls = ca.server_context(root, sorted(set(HOSTS.values())))
        self._ports = ports or {}
        self._runners: list[web.AppRunner] = []

    @property
    def hub_url(self) -> str:
        """What HF_ENDPOINT names."""
        return self.urls["hub"]

    @property
    def cdn_url(self) -> str:
        """Base of the CDN's URLs."""
        return self.urls["cdn"]

    @property
    def admin_url(self) -> str:
        """Base of the control API."""
        return self.urls["admin"]

    @property
    def hub_base(self) -> str:
        """Hub address in URLs that are handed out."""
        return self.settings.hub_base or self.urls["hub"]

    @property
    def cdn_base(self) -> str:
        """CDN address in URLs that are handed out."""
        return self.settings.cdn_base or self.urls["cdn"]

    @property
    def cas_base(self) -> str:
        """CAS address in URLs that are handed out."""
        return self.settings.cas_base or self.urls["cas"]

    async def start(self) -> None:
        """Open all listeners."""
        await self._listen("hub", Hub(self).handle)
        await self._listen("cdn", Cdn(self).handle)
        await self._listen("cas", Cas(self).handle)
        # The plain files of the CDN's listener, at a host that has nothing to do with the Hub.
        await self._listen("web", Cdn(self).handle)
        await self._listen("admin", Admin(self).handle, plain=True)

    async def stop(self) -> None:
        """Close all listeners and cut what is still being sent."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def signed_url(self, repo: Repo, content: Content, path: str, *, user: str) -> str:
        """A CDN URL for an LFS file, by the signing that is set."""
        return self.signer.url(
            self.cdn_base,
            repo,
            content,
            form=self.settings.signing,
            filename=path.rpartition("/")[2],
            user=user,
            lifetime_s=self.settings.signature_lifetime_s,
        )

    def move_ref(self, names: tuple[str, ...], ref: str, commit: str) -> None:
        """Point `ref` of the repository that one of `names` lies in at another commit."""
        for repo in self.state.repos.values():
            if commit in repo.commits and any(n.startswith(f"{repo.id}/") for n in names):
                repo.refs[ref] = commit

    async def _listen(self, name: str, handler: WebHandler, *, plain: bool = False) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        self._runners.append(runner)
        tls = None if plain else self._tls
        site = web.TCPSite(runner, HOSTS[name], self._ports.get(name, 0), ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        self.urls[name] = f"{'https' if tls else 'http'}://{HOSTS[name]}:{port}"
