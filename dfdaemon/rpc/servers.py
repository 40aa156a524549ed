"""The gRPC servers of a node, put together: for other hosts, in the clear and behind the cluster's TLS,
and for the node's own tools."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dfdaemon.config import DaemonConfig
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.rights import UrlRights
from dfdaemon.rpc.download_service import DownloadService
from dfdaemon.rpc.downloads import Downloads
from dfdaemon.rpc.entries import Entries
from dfdaemon.rpc.local_tasks import LocalTasks
from dfdaemon.rpc.origins import Origins
from dfdaemon.rpc.output import Outputs
from dfdaemon.rpc.upload_service import UploadService
from dfdaemon.task.registry import TaskRegistry
from dfinfra.lifecycle import Service
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc
from dfinfra.rpc.server import GrpcServer
from dfinfra.services import Closing


def rpc_services(
    config: DaemonConfig,
    registry: TaskRegistry,
    scheduler: SchedulerClient,
    metadata: HubMetadata,
    describe_host: Callable[[], common_pb2.Host],
    disk: Pool,
    socket_path: Path,
    secure_path: Path | None,
) -> list[Service]:
    """In the order in which they start. ``metadata`` is how this node asks the Hub, and origins.

    ``socket_path`` is for tools, ``secure_path`` for what comes over mutual TLS (``upload/relay``),
    None where no such thing comes.
    """
    hub, upload = config.hub, config.upload
    rights = UrlRights(
        metadata,
        registry.parts.clock,
        fresh_s=hub.ref_ttl_s,
        allow_s=hub.allow_ttl_s,
        refuse_s=hub.refuse_ttl_s,
    )
    origins = Origins(hub, metadata, rights)
    outputs = Outputs(registry, config.download.output_dirs, disk)
    downloads = Downloads(registry, origins, outputs, scheduler, disk)
    entries = Entries(hub, metadata, rights, origins)
    local = LocalTasks(registry, scheduler, disk)
    hosts = partial(UploadService, registry, downloads, entries, local, describe_host)
    for_tools = DownloadService(registry, downloads, entries, local, scheduler, disk)
    return [
        Closing("downloads", downloads.aclose),
        _for_hosts(f"{upload.ip}:{upload.rpc_port}", hosts(secure=False)),
        *([_for_hosts(f"unix:{secure_path}", hosts(secure=True))] if secure_path else []),
        GrpcServer(
            [f"unix:{socket_path}"],
            [partial(dfdaemon_pb2_grpc.add_DfdaemonDownloadServicer_to_server, for_tools)],
            ["dfdaemon.v2.DfdaemonDownload"],
        ),
    ]


def _for_hosts(address: str, service: UploadService) -> GrpcServer:
    return GrpcServer(
        [address],
        [partial(dfdaemon_pb2_grpc.add_DfdaemonUploadServicer_to_server, service)],
        ["dfdaemon.v2.DfdaemonUpload"],
    )
