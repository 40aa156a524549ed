"""The core's gRPC server, and what feeds it."""

from __future__ import annotations

import ssl
from functools import partial

import grpc

from dfcore.hosts import host_port
from dfinfra.authority import host_identity
from dfinfra.lifecycle import Service
from dfinfra.metrics import Gauge
from dfinfra.pb import manager_pb2_grpc, managerlink_pb2_grpc
from dfinfra.rpc import secure
from dfinfra.rpc.server import GrpcServer
from dfinfra.tls import server_context
from manager.config import SecurityConfig
from manager.db.clusters import Peer, Scheduler, SeedPeer
from manager.parts import Core
from manager.rpc import service, watch
from manager.rpc.directory import Directory
from manager.rpc.presence import Presence
from manager.rpc.streams import NodeStreams

MAX_STREAMS = 200_000


class Grpc:
    """The parts of gRPC that others look at, and their services in start order."""

    def __init__(self, core: Core) -> None:
        config = core.config
        self.directory = Directory(core.database, core.changes)
        self.presence = Presence(config.keep_alive, core.database, core.changes)
        book = watch.PeerBook(core.database)
        manager = service.ManagerService(core.database, core.changes, self.directory, self.presence)
        self.extension = extension = watch.ManagerExtension(
            config.keep_alive, self.directory, self.presence, book
        )
        listen = config.server.grpc
        self.server = GrpcServer(
            [host_port(listen.ip, listen.port)],
            [
                lambda server: manager_pb2_grpc.add_ManagerServicer_to_server(manager, server),
                lambda server: managerlink_pb2_grpc.add_ManagerExtensionServicer_to_server(
                    extension, server
                ),
            ],
            [service.SERVICE_NAME, watch.SERVICE_NAME],
            credentials=server_credentials(config.security),
            grace_s=0.5,  # streams never end by themselves
            max_concurrent_rpcs=MAX_STREAMS,
        )
        connected = Gauge(
            "meganeura_manager_connected",
            "Instances with an open stream at this replica.",
            ["kind"],
            registry=core.metrics,
        )
        for kind, name in ((Scheduler, "scheduler"), (SeedPeer, "seed"), (Peer, "peer")):
            connected.labels(name).set_function(partial(self.presence.count, kind))
        listen = config.server.stream
        self.streams = NodeStreams(
            (listen.ip, listen.port),
            self.directory,
            self.presence,
            book,
            stream_tls(config.security),
        )
        extension.stream_port = lambda: self.streams.port
        self.services: tuple[Service, ...] = (
            self.directory,
            self.presence,
            book,
            self.streams,
            self.server,
        )


def stream_tls(security: SecurityConfig) -> ssl.SSLContext | None:
    """The same for the bare port."""
    identity = host_identity(security.dir)
    if identity is None:
        return None
    context = server_context(identity)
    if not security.require_client_certificates:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def server_credentials(security: SecurityConfig) -> grpc.ServerCredentials | None:
    """Mutual TLS with the cluster's certificate, if there is one. Raises ConfigError."""
    identity = host_identity(security.dir)
    if identity is None:
        return None
    return secure.server_credentials(identity, require=security.require_client_certificates)
