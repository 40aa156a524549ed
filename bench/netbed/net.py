"""Hosts as network namespaces on a bridge in a namespace of its own, each with its own rates.

The shaper is tbf, one per direction: the host's end of its veth limits what it sends, the bridge's
end what it receives. A burst below about 70 kB would make the kernel cut its 64 KiB segments in
software, which costs more CPU than the transfers themselves.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

from dfcore.errors import ConfigError

SUBNET = "10.77.0"
MIN_BURST_BYTES = 70_000
LATENCY = "50ms"

_COUNT = count()


@dataclass(frozen=True)
class Link:
    """One host. Rates in Mbit/s, None is unshaped; ``loss`` is the part of packets that it loses."""

    name: str
    up_mbit: float | None
    down_mbit: float | None
    loss: float = 0.0


class Net:
    """Namespaces, bridge and shapers of some hosts while the block runs."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = list(links)
        self.tag = f"mg{os.getpid() % 100000}x{next(_COUNT)}"
        """What the names of all its namespaces begin with."""
        self._addresses = {
            link.name: f"{SUBNET}.{index + 1}" for index, link in enumerate(self._links)
        }

    def address(self, name: str) -> str:
        return self._addresses[name]

    def inside(self, name: str) -> list[str]:
        """The command prefix that runs a program on the host."""
        return ["nsenter", f"--net=/run/netns/{self._namespace(name)}", "--"]

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise ConfigError("the test bed makes network namespaces: it needs root")
        try:
            self._make_switch()
            for index, link in enumerate(self._links):
                self._make_host(index, link)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def cut(self, name: str) -> None:
        """Take the host off the network."""
        index = [link.name for link in self._links].index(name)
        _run("ip", "-n", self._switch, "link", "set", f"p{index}", "down")

    @property
    def _switch(self) -> str:
        return f"{self.tag}sw"

    def _namespace(self, name: str) -> str:
        return f"{self.tag}{name}"

    def _make_switch(self) -> None:
        _run("ip", "netns", "add", self._switch)
        _run("ip", "-n", self._switch, "link", "set", "lo", "up")
        _run("ip", "-n", self._switch, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", self._switch, "link", "set", "br0", "up")

    def _make_host(self, index: int, link: Link) -> None:
        space, port = self._namespace(link.name), f"p{index}"
        _run("ip", "netns", "add", space)
        _run("ip", "-n", space, "link", "set", "lo", "up")
        _run(
            *("ip", "link", "add", "eth0", "netns", space),
            *("type", "veth", "peer", "name", port, "netns", self._switch),
        )
        _run("ip", "-n", space, "addr", "add", f"{self.address(link.name)}/24", "dev", "eth0")
        _run("ip", "-n", space, "link", "set", "eth0", "up")
        _run("ip", "-n", self._switch, "link", "set", port, "master", "br0", "up")
        self._shape(space, "eth0", link.up_mbit)
        self._shape(self._switch, port, link.down_mbit)
        if link.loss:
            _run(
                *("nsenter", f"--net=/run/netns/{space}", "--", "iptables", "-A", "INPUT"),
                *("-i", "eth0", "-m", "statistic", "--mode", "random"),
                *("--probability", str(link.loss), "-j", "DROP"),
            )

    def _shape(self, space: str, device: str, rate_mbit: float | None) -> None:
        if rate_mbit is None:
            return
        burst = max(MIN_BURST_BYTES, int(rate_mbit * 1e6 / 8 * 0.002))
        _run(
            *("nsenter", f"--net=/run/netns/{space}", "--", "tc", "qdisc", "add"),
            *("dev", device, "root", "tbf", "rate", f"{int(rate_mbit * 1000)}kbit"),
            *("burst", str(burst), "latency", LATENCY),
        )

    def _remove(self) -> None:
        there = _run("ip", "netns", "list").split("\n")
        for line in there:
            space = line.split(" ")[0]
            if space.startswith(self.tag):
                _run("ip", "netns", "del", space)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
