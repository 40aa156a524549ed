"""The admin server of a process: metrics, health, readiness, profiles.

Every service puts one into its list, last, so that it is not ready before all else is up.
It binds 127.0.0.1 unless told otherwise. ``/healthy`` says that the loop turns, ``/readyz``
that the service can do its work; the profile endpoints are ``dfinfra.profile``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

from aiohttp import web

from dfinfra import metrics, profile
from dfinfra.http import HttpServer
from dfinfra.offload import Pool

Check = Callable[[], bool]
MAX_PROFILE_S = 120.0


class AdminServer:
    """Serves ``/metrics``, ``/healthy``, ``/readyz`` and ``/debug/pprof/…``."""

    name = "admin"

    def __init__(
        self,
        registry: metrics.CollectorRegistry,
        port: int,
        *,
        host: str = "127.0.0.1",
        ready: Mapping[str, Check] | None = None,
    ) -> None:
        """``ready`` maps the names of conditions to checks that must not block."""
        self._registry = registry
        self._ready = dict(ready or {})
        self._pool = Pool("admin", 2)
        self._profiling = False
        self.app = web.Application()
        self.app.router.add_get("/metrics", self._metrics)
        self.app.router.add_get("/healthy", self._healthy)
        self.app.router.add_get("/readyz", self._readyz)
        self.app.router.add_get("/debug/pprof/profile", self._profile)
        self.app.router.add_get("/debug/pprof/heap", self._heap)
        self._server = HttpServer(self.name, self.app, host, port, grace_s=1.0)

    @property
    def port(self) -> int:
        """The port it listens at, once started."""
        return self._server.port

    async def start(self) -> None:
        """Bind and serve. Raises ConfigError if the address cannot be bound."""
        await self._server.start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()
        self._pool.close()

    async def _metrics(self, request: web.Request) -> web.Response:
        accept = request.headers.get("Accept", "")
        body, content_type = await self._pool.run(metrics.rendered, self._registry, accept)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        states = {name: check() for name, check in self._ready.items()}
        return web.Response(
            text=json.dumps(states) + "\n",
            status=200 if all(states.values()) else 503,
            content_type="application/json",
        )

    async def _profile(self, request: web.Request) -> web.Response:
        seconds = _seconds(request.query.get("seconds", "10"))
        if self._profiling:
            raise web.HTTPConflict(text="a profile is being taken already\n")
        self._profiling = True
        stop = threading.Event()
        try:
            text = await self._pool.run_interruptibly(
                stop.set, profile.sample_stacks, seconds, stop=stop
            )
        finally:
            self._profiling = False
        return web.Response(text=text)

    async def _heap(self, request: web.Request) -> web.Response:
        take = profile.heap_stop if "stop" in request.query else profile.heap_snapshot
        return web.Response(text=await self._pool.run(take))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= MAX_PROFILE_S:
        raise web.HTTPBadRequest(
            text=f"seconds: must be a number above 0, up to {MAX_PROFILE_S:g}\n"
        )
    return seconds
