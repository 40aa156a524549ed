"""What this host says of itself to schedulers and peers (``common.v2.Host``)."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from importlib.metadata import version

import psutil

from dfdaemon.control.scheduler_messages import OUR_PLATFORM
from dfinfra.pb import common_pb2

LINK_VERSION = 1

# Of a link whose speed nobody knows: what Dragonfly's client assumes (resource/parent_selector.rs).
ASSUMED_LINK_BPS = 10_000_000_000
SHORTEST_SAMPLE_S = 0.5


class LinkRate:
    """Bits per second in and out of this host, from the kernel's counters between two looks."""

    def __init__(self) -> None:
        self._seen_at, self._received, self._sent = _counters()
        self.rx_bps = self.tx_bps = 0

    def look(self) -> None:
        """Measure anew, if there was time enough since."""
        now, received, sent = _counters()
        elapsed_s = now - self._seen_at
        if elapsed_s < SHORTEST_SAMPLE_S:
            return
        self.rx_bps = max(0, int(8 * (received - self._received) / elapsed_s))
        self.tx_bps = max(0, int(8 * (sent - self._sent) / elapsed_s))
        self._seen_at, self._received, self._sent = now, received, sent


def _counters() -> tuple[float, int, int]:
    """Time, bytes received and sent; loopback is no link."""
    links = psutil.net_io_counters(pernic=True)
    outer = [counted for name, counted in links.items() if name != "lo"]
    return (
        time.monotonic(),
        sum(counted.bytes_recv for counted in outer),
        sum(counted.bytes_sent for counted in outer),
    )


def link_bps() -> int:
    """The speed of the fastest link that is up."""
    links = psutil.net_if_stats()
    megabits = [link.speed for name, link in links.items() if link.isup and name != "lo"]
    return max(megabits, default=0) * 1_000_000 or ASSUMED_LINK_BPS


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
    # A score by bandwidth reckons in bits, and takes 0 for the worst.
    link = link_bps()
    fixed.network.max_tx_bandwidth = min(8 * max_upload_bytes_s or link, link)
    fixed.network.max_rx_bandwidth = link
    rate = LinkRate()
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
        host.memory.used, host.memory.free = memory.used, memory.free
        host.memory.used_percent = memory.percent
        host.disk.total, host.disk.free, host.disk.used = disk.total, disk.free, disk.used
        host.disk.used_percent = disk.percent
        host.cpu.percent = psutil.cpu_percent()
        rate.look()
        host.network.rx_bandwidth, host.network.tx_bandwidth = rate.rx_bps, rate.tx_bps
        return host

    return describe
