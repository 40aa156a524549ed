"""What this host says of itself to the schedulers (``common.v2.Host``)."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version

import psutil

from dfdaemon.control.scheduler_messages import OUR_PLATFORM
from dfinfra.pb import common_pb2

LINK_VERSION = 1


def describer(
    *,
    host_id: str,
    hostname: str,
    ip: str,
    seed: bool,
    rpc_port: int,
    vortex_port: int,
    proxy_port: int,
    idc: str,
    location: str,
    disable_shared: bool,
    max_upload_bytes_s: int,
    disk_path: str,
) -> Callable[[], common_pb2.Host]:
    """A function that describes the host as it is now."""
    fixed = common_pb2.Host(
        id=host_id,
        type=1 if seed else 0,
        hostname=hostname,
        name=hostname,
        ip=ip,
        port=rpc_port,
        download_port=vortex_port,
        proxy_port=proxy_port,
        os=platform.system().lower(),
        platform=platform.system().lower(),
        kernel_version=platform.release(),
        disable_shared=disable_shared,
        build=common_pb2.Build(
            git_version=version("meganeura"), platform=f"{OUR_PLATFORM}{LINK_VERSION}"
        ),
    )
    # Dragonfly's score reckons in bits.
    fixed.network.max_tx_bandwidth = 8 * max_upload_bytes_s
    if idc:
        fixed.network.idc = idc
    if location:
        fixed.network.location = location
    fixed.cpu.logical_count = psutil.cpu_count() or 1

    def describe() -> common_pb2.Host:
        host = common_pb2.Host()
        host.CopyFrom(fixed)
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(disk_path)
        host.memory.total, host.memory.available = memory.total, memory.available
        host.memory.used_percent = memory.percent
        host.disk.total, host.disk.free, host.disk.used = disk.total, disk.free, disk.used
        host.disk.used_percent = disk.percent
        host.cpu.percent = psutil.cpu_percent()
        return host

    return describe
