"""The composition root of the manager: its parts, and the order in which they start and stop.

A part is a function in ``PARTS`` that gets the :class:`Core` and gives routes and services.
"""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from dfcore.errors import ConfigError
from dfinfra.admin import AdminServer
from dfinfra.authority import host_identity
from dfinfra.clock import SystemClock
from dfinfra.lifecycle import Service
from dfinfra.metrics import CollectorRegistry, new_registry
from dfinfra.offload import Pool
from dfinfra.rpc.channels import Channels
from dfinfra.services import Closing, Opening
from manager import bootstrap
from manager.auth import audit
from manager.auth.identify import Identifier
from manager.changes import Changes
from manager.config import ManagerConfig
from manager.console import part as console
from manager.db.database import Database
from manager.jobs import compose as jobs
from manager.parts import Core, Part
from manager.rest import core as core_routes
from manager.rest.routes import Route
from manager.rest.server import RestServer
from manager.rpc.part import Grpc
from manager.tidy import Tidy

PARTS: tuple[Callable[[Core], Part], ...] = (core_routes.part, jobs.part, console.part)
"""Their routes come in this order, and their services start in it."""


@dataclass(frozen=True)
class App:
    """The parts that others need, and all services in start order."""

    core: Core
    routes: tuple[Route, ...]
    rest: RestServer
    grpc: Grpc
    admin: AdminServer
    services: tuple[Service, ...]


def build(config: ManagerConfig) -> App:
    """Build every part. Nothing is opened, bound or started. Call it on the running loop."""
    registry = new_registry("manager", version("meganeura"))
    database = Database(_database_url(config), threads=config.database.connections)
    database.before_commit = audit.before_commit
    changes = Changes(database, config.poll_s)
    identity = host_identity(config.security.dir)
    core = Core(
        config=config,
        database=database,
        changes=changes,
        channels=Channels(),
        secure=None if identity is None else Channels(identity),
        metrics=registry,
        clock=SystemClock(),
        replica=uuid.uuid4().hex,
    )
    parts = [part(core) for part in PARTS]
    grpc = Grpc(core)
    routes = tuple(route for part in parts for route in part.routes)
    routes += core_routes.document_routes(routes)
    core.table.extend(routes)
    rest = RestServer(core, routes, Identifier(config, database), tls=_tls(config))
    shown = registry if config.metrics.enable else CollectorRegistry()
    admin = AdminServer(
        shown,
        config.admin.port,
        host=config.admin.ip,
        ready={"database": lambda: changes.healthy},
    )
    services: list[Service] = [
        _database_service(config, database),
        changes,
        Tidy(),
        Closing("channels", core.channels.close),
        *([Closing("secure channels", core.secure.close)] if core.secure else []),
        *(service for part in parts for service in part.services),
        *grpc.services,
        rest,
        admin,
    ]
    if config.pprof_port > 0 and config.pprof_port != config.admin.port:
        services.append(AdminServer(shown, config.pprof_port))
    return App(core, routes, rest, grpc, admin, tuple(services))


def _database_service(config: ManagerConfig, database: Database) -> Service:
    setup = Pool("setup", 1)

    async def open_() -> None:
        try:
            await bootstrap.prepare_when_reachable(config, database, setup)
        finally:
            setup.close()

    async def close() -> None:
        database.close()

    return Opening("database", open_, close)


def _database_url(config: ManagerConfig) -> str:
    try:
        return config.database_url
    except OSError as error:
        raise ConfigError(
            f"database.urlFile: {config.database.url_file}: {error.strerror}"
        ) from error


def _tls(config: ManagerConfig) -> ssl.SSLContext | None:
    files = config.server.tls
    if files.cert is None or files.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.cert, files.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"server.tls: {files.cert}: {error}") from error
    return context
