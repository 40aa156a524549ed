"""The cluster's network: one namespace for the control plane with a bridge, one for each node on it.

Control plane 10.199.0.100 (with the stand-in Hub), its CDN 10.199.0.101, node N 10.199.0.N, pods of
node N 10.244.N.0/24, services 10.96.0.0/16. Nothing leads out of it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kube.namespace import Namespace

CONTROL = "10.199.0.100"
CDN = "10.199.0.101"
SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"


def node_address(number: int) -> str:
    return f"10.199.0.{number}"


def pods_of(number: int) -> str:
    return f"10.244.{number}.0/24"


def lay_switch(control: Namespace, nodes: int) -> None:
    """The bridge in the control plane's namespace, and its ways to pods and services."""
    control.run("ip", "link", "add", "switch", "type", "bridge")
    for address in (CONTROL, CDN):
        control.run("ip", "address", "add", f"{address}/24", "dev", "switch")
    control.run("ip", "link", "set", "switch", "up")
    if "local" not in control.run("ip", "route", "get", CONTROL, stdout=subprocess.PIPE).stdout:
        raise RuntimeError(f"{CONTROL} is not of this namespace")
    control.run("ip", "route", "add", SERVICES, "via", node_address(1))
    for number in range(1, nodes + 1):
        control.run("ip", "route", "add", pods_of(number), "via", node_address(number))


def plug_in(control: Namespace, node: Namespace, number: int, nodes: int) -> None:
    """A node's wire to the switch, and its ways to the pods of the others."""
    port = f"port{number}"
    control.run(
        *("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0"),
        *("netns", node.name),
    )
    control.run("ip", "link", "set", port, "master", "switch", "up")
    node.run("ip", "address", "add", f"{node_address(number)}/24", "dev", "eth0")
    node.run("ip", "link", "set", "eth0", "up")
    for other in range(1, nodes + 1):
        if other != number:
            node.run("ip", "route", "add", pods_of(other), "via", node_address(other))
    # kube-proxy takes packets for services from the way that they would go.
    node.run("ip", "route", "add", SERVICES, "dev", "eth0")
    forward = "/proc/sys/net/ipv4/ip_forward"
    node.run("sh", "-c", f"echo 1 >{forward}")


def write_cni(folder: Path, number: int) -> None:
    """Pods of the node on a bridge of its own."""
    folder.mkdir(parents=True)
    (folder / "10-pods.conflist").write_text(
        f"""{{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {{"type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true, "ipMasq": false,
    "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{pods_of(number)}"}}]],
             "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"""
    )
