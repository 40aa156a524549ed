"""The composition root of the scheduler: its parts, and the order in which they start and stop."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from random import Random

from dfcore.hosts import host_port
from dfinfra.admin import AdminServer
from dfinfra.clock import SystemClock
from dfinfra.lifecycle import Service
from dfinfra.metrics import CollectorRegistry, new_registry
from dfinfra.pb import meganeura_pb2_grpc, scheduler_pb2_grpc
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.server import GrpcServer
from scheduler import extension, service
from scheduler.config import SchedulerConfig
from scheduler.core import Core
from scheduler.managed import Managed
from scheduler.shell import Shell


@dataclass(frozen=True)
class App:
    """The parts that others need, and all services in start order."""

    shell: Shell
    grpc: GrpcServer
    admin: AdminServer
    services: tuple[Service, ...]


def build(config: SchedulerConfig, rng: Random | None = None) -> App:
    """Build every part. Nothing is bound or started. Call it on the running loop."""
    registry = new_registry("scheduler", version("meganeura"))
    core = Core(config.policy, rng or Random())
    shell = Shell(core, SystemClock(), Channels(), registry)
    managed = Managed(config, core)
    scheduler = service.SchedulerService(
        shell, outbox_limit=config.server.outbox_limit, prioritize=managed.prioritized
    )
    ours = extension.SchedulerExtension(shell)
    grpc = GrpcServer(
        [host_port(config.server.listen_ip, config.server.port)],
        [
            lambda server: scheduler_pb2_grpc.add_SchedulerServicer_to_server(scheduler, server),
            lambda server: meganeura_pb2_grpc.add_SchedulerExtensionServicer_to_server(
                ours, server
            ),
        ],
        [service.SERVICE_NAME, extension.SERVICE_NAME],
        grace_s=config.server.grace_s,
        max_concurrent_rpcs=config.server.max_streams,
    )
    shown = registry if config.metrics.enable else CollectorRegistry()
    admin = AdminServer(shown, config.admin.port, host=config.admin.ip)
    services: list[Service] = [grpc, shell, *managed.services(lambda: grpc.port), admin]
    if config.pprof_port > 0 and config.pprof_port != config.admin.port:
        services.append(AdminServer(shown, config.pprof_port))
    return App(shell, grpc, admin, tuple(services))
