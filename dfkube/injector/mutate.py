"""Which changes a pod gets: pure, from the pod's JSON to a JSON patch (RFC 6902).

Idempotent: what is there stays, whoever put it there, so that a second call (reinvocation, or a pod
template that was copied from a running pod) patches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from dfkube.injector.config import InjectorConfig, Mode

Json = dict[str, Any]

NODE_IP = "MEGANEURA_NODE_IP"
SOCKET_VOLUME = "dfdaemon-unix-sock"
AUTHORITY_VOLUME = "dfdaemon-ca"
TOOLS_VOLUME = "dragonfly-binaries"
AUTHORITY_DIR = "/etc/meganeura/ca"
TOOLS_DIR = "/dragonfly"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
SKIP_SOCKET = "dragonfly.io/skip-unix-sock-inject"

# The image's interpreter stays behind: its modules are copied, and started by the pod's own Python.
_COPY = f"""\
set -e
mkdir -p {TOOLS_DIR}/bin
cp -r /opt/meganeura/lib {TOOLS_DIR}/
for tool in dfget dfctl; do
  printf '#!/bin/sh\\nexport PYTHONPATH={TOOLS_DIR}/lib/python3.11/site-packages\\n\
exec python3.11 -m dfdaemon.cli.%s "$@"\\n' "$tool" > {TOOLS_DIR}/bin/$tool
  chmod 755 {TOOLS_DIR}/bin/$tool
done
"""


def wanted(pod: Json, namespace: str, labels: Mapping[str, str], config: InjectorConfig) -> bool:
    """Whether the pod is to be changed: its own word counts first, then its name space's."""
    if namespace in config.protected_namespaces:
        return False
    said = _annotations(pod).get(config.annotation)
    if said is not None:
        return said == "true"
    return labels.get(config.namespace_label) == "enabled"


def patch(pod: Json, config: InjectorConfig) -> list[Json]:
    """The operations that point the pod's clients at the daemon; none if all is there."""
    changed = json.loads(json.dumps(pod))
    spec = changed.setdefault("spec", {})
    everything = [*spec.get("initContainers", []), *spec.get("containers", [])]
    containers = [container for container in everything if container["name"] != TOOLS_VOLUME]
    mode = _mode(pod, config)
    for container in containers:
        _add_variables(container, mode, config)
    if _annotations(pod).get(SKIP_SOCKET) != "true":
        _add_socket(spec, containers, config)
    if mode is Mode.PROXY and config.authority.config_map:
        _add_authority(spec, containers, config)
    if config.tools.image:
        _add_tools(spec, containers, config)
    return _difference(pod.get("spec", {}), spec)


def _annotations(pod: Json) -> Mapping[str, str]:
    return pod.get("metadata", {}).get("annotations") or {}


def _mode(pod: Json, config: InjectorConfig) -> Mode:
    said = _annotations(pod).get(f"{config.annotation}-mode")
    return next((mode for mode in Mode if mode.value == said), config.mode)


def _add_variables(container: Json, mode: Mode, config: InjectorConfig) -> None:
    url = f"http://$({NODE_IP}):{config.daemon.port}"
    if mode is Mode.ENDPOINT:
        _set(container, "HF_ENDPOINT", url)
        return
    bypass = ",".join((*config.daemon.no_proxy, f"$({NODE_IP})"))
    names = ["HTTP_PROXY", "http_proxy"]
    if config.authority.config_map:
        names += ["HTTPS_PROXY", "https_proxy"]
    for name in names:
        _set(container, name, url)
    for name in ("NO_PROXY", "no_proxy"):
        _set(container, name, bypass)


def _set(container: Json, name: str, value: str) -> None:
    """Add a variable, after the one that it refers to; what is there stays."""
    variables = container.setdefault("env", [])
    known = {variable["name"] for variable in variables}
    if name in known:
        return
    if NODE_IP in value and NODE_IP not in known:
        source = {"fieldRef": {"fieldPath": "status.hostIP"}}
        variables.append({"name": NODE_IP, "valueFrom": source})
    variables.append({"name": name, "value": value})


def _add_socket(spec: Json, containers: list[Json], config: InjectorConfig) -> None:
    socket = PurePosixPath(config.daemon.socket)
    # The folder, not the file: a daemon that restarts makes another socket.
    source = {"hostPath": {"path": str(socket.parent), "type": "DirectoryOrCreate"}}
    _add_volume(spec, SOCKET_VOLUME, source)
    for container in containers:
        _mount(container, SOCKET_VOLUME, str(socket.parent))


def _add_authority(spec: Json, containers: list[Json], config: InjectorConfig) -> None:
    # A pod starts without it as well: https then fails by its certificate, which says what is missing.
    source = {"configMap": {"name": config.authority.config_map, "optional": True}}
    _add_volume(spec, AUTHORITY_VOLUME, source)
    for container in containers:
        _mount(container, AUTHORITY_VOLUME, AUTHORITY_DIR)
        for name in CA_VARIABLES:
            _set(container, name, f"{AUTHORITY_DIR}/{config.authority.key}")


def _add_tools(spec: Json, containers: list[Json], config: InjectorConfig) -> None:
    _add_volume(spec, TOOLS_VOLUME, {"emptyDir": {}})
    for container in containers:
        _mount(container, TOOLS_VOLUME, TOOLS_DIR)
    starters = spec.setdefault("initContainers", [])
    if any(starter["name"] == TOOLS_VOLUME for starter in starters):
        return
    copier = {
        "name": TOOLS_VOLUME,
        "image": config.tools.image,
        "imagePullPolicy": config.tools.pull_policy,
        "command": ["/bin/sh", "-c", _COPY],
        "volumeMounts": [{"name": TOOLS_VOLUME, "mountPath": TOOLS_DIR}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    starters.insert(0, copier)


def _add_volume(spec: Json, name: str, source: Json) -> None:
    volumes = spec.setdefault("volumes", [])
    if all(volume["name"] != name for volume in volumes):
        volumes.append({"name": name, **source})


def _mount(container: Json, name: str, path: str) -> None:
    mounts = container.setdefault("volumeMounts", [])
    taken = any(mount["mountPath"] == path or mount["name"] == name for mount in mounts)
    if not taken:
        # Read-only is right for files; a socket is connected to all the same.
        mounts.append({"name": name, "mountPath": path, "readOnly": True})


def _difference(before: Json, after: Json) -> list[Json]:
    """Operations for the keys of the spec that changed, in a fixed order."""
    return [
        {"op": "replace" if key in before else "add", "path": f"/spec/{key}", "value": after[key]}
        for key in sorted(after)
        if before.get(key) != after[key]
    ]
