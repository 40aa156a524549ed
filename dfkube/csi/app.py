"""The composition root of the CSI driver."""

from __future__ import annotations

import asyncio
import os
import socket
from importlib.metadata import version
from pathlib import Path

from dfinfra import jobs
from dfinfra.lifecycle import Service
from dfinfra.offload import Pool
from dfinfra.pb import csi_pb2_grpc, pluginregistration_pb2_grpc
from dfinfra.rpc.server import GrpcServer
from dfkube.csi.access import Access
from dfkube.csi.config import CsiConfig
from dfkube.csi.controller import Controller
from dfkube.csi.identity import Identity
from dfkube.csi.kubeapi import KubeApi
from dfkube.csi.node import Node
from dfkube.csi.provisioner import Provisioner
from dfkube.csi.publisher import Publisher
from dfkube.csi.records import Records
from dfkube.csi.registration import Registration, socket_path
from dfkube.csi.shares import Shares

HEAL_S = 5.0
_THREADS = 16
_SERVICES = ("csi.v1.Identity", "csi.v1.Controller", "csi.v1.Node")


class Healer:
    """Looks after mounts whose process has died; the first look ends before requests are taken."""

    name = "healer"

    def __init__(self, publisher: Publisher, pool: Pool) -> None:
        self._publisher = publisher
        self._pool = pool
        self._jobs = jobs.JobGroup("healer")

    async def start(self) -> None:
        await self._pool.run(self._publisher.heal)
        self._jobs.spawn(self._watch(), name="heal", vital=True)

    async def stop(self) -> None:
        await self._jobs.cancel_all()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEAL_S)
            await self._pool.run(self._publisher.heal)


def build(config: CsiConfig) -> list[Service]:
    """The services in start order."""
    pool = Pool("csi", _THREADS)
    if config.provision:
        return [Provisioner(config, KubeApi.of_pod(), pool)]
    state = config.state_dir
    shares = Shares(state / "mounts", config.mount_options, config.mount_timeout_s)
    publisher = Publisher(shares, Records(state / "published"))
    identity = Identity(config.name, version("meganeura"))
    controller = Controller(pool)
    node = Node(config.node_id or socket.gethostname(), Access(config), publisher, pool)
    services: list[Service] = [
        Healer(publisher, pool),
        GrpcServer(
            [_unix(config.socket)],
            [
                lambda server: csi_pb2_grpc.add_IdentityServicer_to_server(identity, server),
                lambda server: csi_pb2_grpc.add_ControllerServicer_to_server(controller, server),
                lambda server: csi_pb2_grpc.add_NodeServicer_to_server(node, server),
            ],
            _SERVICES,
        ),
    ]
    if config.kubelet_socket is not None:
        registration = Registration(config.name, config.kubelet_socket)
        services.append(
            GrpcServer(
                [_unix(socket_path(config.registry_dir, config.name))],
                [
                    lambda server: pluginregistration_pb2_grpc.add_RegistrationServicer_to_server(
                        registration, server
                    )
                ],
                ("pluginregistration.Registration",),
            )
        )
    return services


def _unix(path: Path) -> str:
    """The address of a socket, for root alone. A driver that was killed has left its own behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.umask(0o077)
    return f"unix:{path}"
