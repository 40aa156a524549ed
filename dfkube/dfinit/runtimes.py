"""What the files of each container runtime should hold. Pure: from texts to texts.

Sources of the formats: containerd's ``hosts.toml`` and ``config_path`` (docs/hosts.md), Docker's
``daemon.json`` (``registry-mirrors``), and ``registries.conf`` version 2 of CRI-O and Podman
(containers-registries.conf.d(5)).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from dfcore.errors import ConfigError

HOSTS_DIR = "etc/containerd/certs.d"
CONTAINERD = "etc/containerd/config.toml"
DOCKER = "etc/docker/daemon.json"
CONTAINERS = "etc/containers/registries.conf.d/50-meganeura.conf"
HUB = "docker.io"
# Docker Hub is the one registry whose API is not where its name says.
_API_HOSTS = {HUB: "https://registry-1.docker.io"}
# The plugin whose `registry` section it is, by version of the file.
_PLUGINS = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.images"}
_MADE_BY = "# Made by dfinit; `dfinit undo` takes it away.\n"

Texts = Mapping[str, str | None]
"""Files by path below the root; None: not there."""


class Runtime(Enum):
    """A container runtime."""

    CONTAINERD = "containerd"
    DOCKER = "docker"
    CRIO = "crio"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True)
class Wish:
    """``registries`` by name (``docker.io``, ``ghcr.io``), pulled through the daemon at ``proxy``."""

    proxy: str = "http://127.0.0.1:65001"
    registries: tuple[str, ...] = (HUB,)

    def __post_init__(self) -> None:
        if urlsplit(self.proxy).scheme not in ("http", "https") or not urlsplit(self.proxy).netloc:
            raise ConfigError(f"--proxy {self.proxy}: must be http(s)://HOST:PORT")
        for name in self.registries:
            if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", name):
                raise ConfigError(f"--registry {name}: must be a host name such as ghcr.io")


def files_of(runtime: Runtime) -> tuple[str, ...]:
    """The file that shows that the runtime is here, and that is looked at before it is changed."""
    return {
        Runtime.CONTAINERD: (CONTAINERD,),
        Runtime.DOCKER: (DOCKER,),
        Runtime.CRIO: (CONTAINERS,),
        Runtime.PODMAN: (CONTAINERS,),
    }[runtime]


def wanted(runtime: Runtime, wish: Wish, there: Texts) -> dict[str, str]:
    """The files as they should be, by path. Raises ConfigError for one that cannot be read."""
    make: Callable[[Wish, Texts], dict[str, str]] = {
        Runtime.CONTAINERD: _containerd,
        Runtime.DOCKER: _docker,
        Runtime.CRIO: _containers,
        Runtime.PODMAN: _containers,
    }[runtime]
    return make(wish, there)


def _containerd(wish: Wish, there: Texts) -> dict[str, str]:
    files = {CONTAINERD: _with_hosts_dir(there.get(CONTAINERD) or "")}
    for name in wish.registries:
        files[f"{_hosts_dir(files[CONTAINERD])}/{name}/hosts.toml"] = _hosts_toml(name, wish.proxy)
    return files


def _hosts_toml(registry: str, proxy: str) -> str:
    api = _API_HOSTS.get(registry, f"https://{registry}")
    return (
        f'{_MADE_BY}server = "{api}"\n\n'
        f'[host."{proxy}"]\n'
        '  capabilities = ["pull", "resolve"]\n'
        f'  [host."{proxy}".header]\n'
        f'    X-Dragonfly-Registry = ["{api}"]\n'
    )


def _parsed(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"/{CONTAINERD}: {error}") from error


def _version(text: str) -> int:
    said = _parsed(text).get("version", 2)
    return said if isinstance(said, int) and said in _PLUGINS else 2


def _hosts_dir(text: str) -> str:
    """The folder that the configuration names, below the root; the first if it names several."""
    found: object = _parsed(text)
    for key in ("plugins", _PLUGINS[_version(text)], "registry", "config_path"):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found).split(":")[0].strip("/") if found else ""


def _with_hosts_dir(text: str) -> str:
    """The configuration with a folder for hosts files; its comments and its order stay."""
    if _hosts_dir(text):
        return text
    plugin = _PLUGINS[_version(text)]
    line = f'  config_path = "/{HOSTS_DIR}"\n'
    # An empty value stands where containerd writes its own defaults.
    text = re.sub(r'(?m)^\s*config_path\s*=\s*""\s*\n', "", text)
    header = rf"""(?m)^\s*\[plugins\.["']{re.escape(plugin)}["']\.registry\]\s*\n"""
    place = re.search(header, text)
    if place is not None:
        return text[: place.end()] + line + text[place.end() :]
    version = "" if "version" in _parsed(text) else "version = 2\n"
    gap = "\n" if text and not text.endswith("\n\n") else ""
    return f'{version}{text}{gap}[plugins."{plugin}".registry]\n{line}'


def _docker(wish: Wish, there: Texts) -> dict[str, str]:
    """Docker has mirrors for its own hub only; the daemon's default registry is that hub."""
    text = there.get(DOCKER) or "{}"
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"/{DOCKER}: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"/{DOCKER}: must be an object")
    mirrors = settings.get("registry-mirrors", [])
    if wish.proxy not in mirrors:
        settings["registry-mirrors"] = [wish.proxy, *mirrors]
    return {DOCKER: json.dumps(settings, indent=2) + "\n"}


def _containers(wish: Wish, there: Texts) -> dict[str, str]:
    """A mirror is asked without a word of the registry it stands for: the hub alone, too."""
    if HUB not in wish.registries:
        return {}
    place = urlsplit(wish.proxy)
    insecure = "true" if place.scheme == "http" else "false"
    return {
        CONTAINERS: f'{_MADE_BY}[[registry]]\nlocation = "{HUB}"\n\n[[registry.mirror]]\n'
        f'location = "{place.netloc}"\ninsecure = {insecure}\n'
    }


def restarts(runtime: Runtime, changed: Sequence[str]) -> str | None:
    """The command that makes the runtime read what was changed; None if it does so by itself."""
    if runtime is Runtime.CONTAINERD and CONTAINERD in changed:
        return "systemctl restart containerd"
    if runtime is Runtime.DOCKER and changed:
        return "systemctl reload docker"
    if runtime is Runtime.CRIO and changed:
        return "systemctl reload crio"
    return None
