"""The process of a gateway: an open volume, a pool of threads, the HTTP server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dffs.gateway.buckets import Buckets
from dffs.gateway.server import S3Server
from dffs.tree import Tree
from dffs.volume import Volume
from dfinfra import jobs
from dfinfra.http import HttpServer
from dfinfra.lifecycle import Service, run
from dfinfra.logs import get_logger
from dfinfra.offload import Pool
from dfinfra.services import Opening

_SWEEP_S = 3600.0
_log = get_logger("gateway")


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """One gateway. `keys` are secrets by access key."""

    host: str = "127.0.0.1"
    port: int = 9000
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    multi_buckets: bool = False
    domain: str = ""
    read_only: bool = False
    threads: int = 32
    tls: ssl.SSLContext | None = None


def compose(volume: Volume, options: GatewayOptions) -> tuple[HttpServer, list[Service]]:
    """The HTTP server, and all services in the order of their start."""
    pool = Pool("gateway", options.threads)
    tree = Tree(volume.meta, volume.files)
    buckets = Buckets(tree, "" if options.multi_buckets else volume.name)
    server = S3Server(
        buckets, options.keys, pool, domain=options.domain, read_only=options.read_only
    )
    http = HttpServer("gateway", server.app(), options.host, options.port, tls=options.tls)
    sweeping: list[asyncio.Task[None]] = []

    async def sweep() -> None:
        while True:
            try:
                await pool.run(server.uploads.sweep)
            except OSError as error:
                _log.warning("stale uploads were not removed", reason=str(error))
            await asyncio.sleep(_SWEEP_S)

    async def begin() -> None:
        if not options.read_only:
            server.learner.start()
            sweeping.append(jobs.spawn(sweep(), name="remove stale uploads"))

    async def end() -> None:
        for job in sweeping:
            job.cancel()
        await pool.run(server.learner.stop)
        pool.close()

    return http, [Opening("gateway threads", begin, end), http]


async def serve(
    volume: Volume, options: GatewayOptions, on_ready: Callable[[int], None] = lambda _: None
) -> int:
    """Serve until a signal; the exit code. `on_ready` is told the port."""
    http, services = compose(volume, options)
    return await run(services, grace_s=10.0, on_ready=lambda: on_ready(http.port))
