"""What dfinit makes of the runtimes' files."""

from __future__ import annotations

import json
import tomllib

import pytest

from dfcore.errors import ConfigError
from dfkube.dfinit.runtimes import CONTAINERD, CONTAINERS, DOCKER, Runtime, Wish, restarts, wanted

WISH = Wish(registries=("docker.io", "ghcr.io"))
CRI = "io.containerd.grpc.v1.cri"


def containerd(text: str | None, wish: Wish = WISH) -> dict[str, str]:
    return wanted(Runtime.CONTAINERD, wish, {CONTAINERD: text})


def test_a_hosts_file_names_the_daemon_and_the_registry_it_stands_for() -> None:
    files = containerd(None)
    hosts = tomllib.loads(files["etc/containerd/certs.d/docker.io/hosts.toml"])
    assert hosts["server"] == "https://registry-1.docker.io"
    host = hosts["host"]["http://127.0.0.1:65001"]
    assert host["capabilities"] == ["pull", "resolve"]
    assert host["header"] == {"X-Dragonfly-Registry": ["https://registry-1.docker.io"]}
    other = tomllib.loads(files["etc/containerd/certs.d/ghcr.io/hosts.toml"])
    assert other["server"] == "https://ghcr.io"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "version = 2\n# mine\nroot = '/data'\n",
        f'version = 2\n[plugins."{CRI}"]\n  [plugins."{CRI}".registry]\n    config_path = ""\n',
        f'version = 2\n[plugins."{CRI}".registry]\n[plugins."{CRI}".registry.headers]\na = ["b"]\n',
    ],
)
def test_containerd_is_told_of_the_folder_and_the_rest_stays(text: str | None) -> None:
    made = containerd(text)[CONTAINERD]
    before = tomllib.loads(text or "version = 2")
    after = tomllib.loads(made)
    assert after["plugins"][CRI]["registry"].pop("config_path") == "/etc/containerd/certs.d"
    assert after["version"] == 2
    assert after.get("root") == before.get("root")
    assert ("# mine" in made) == ("# mine" in (text or ""))
    assert containerd(made)[CONTAINERD] == made, "twice is once"


def test_a_folder_that_is_configured_is_used() -> None:
    text = f'version = 2\n[plugins."{CRI}".registry]\nconfig_path = "/opt/hosts:/etc/other"\n'
    files = containerd(text)
    assert files[CONTAINERD] == text
    assert "opt/hosts/ghcr.io/hosts.toml" in files


def test_the_third_version_of_the_file_has_another_section() -> None:
    made = tomllib.loads(containerd("version = 3\n")[CONTAINERD])
    images = made["plugins"]["io.containerd.cri.v1.images"]
    assert images["registry"]["config_path"] == "/etc/containerd/certs.d"


def test_docker_keeps_its_settings_and_its_other_mirrors() -> None:
    text = json.dumps({"debug": True, "registry-mirrors": ["https://mirror.example"]})
    made = wanted(Runtime.DOCKER, WISH, {DOCKER: text})[DOCKER]
    mirrors = ["http://127.0.0.1:65001", "https://mirror.example"]
    assert json.loads(made) == {"debug": True, "registry-mirrors": mirrors}
    assert wanted(Runtime.DOCKER, WISH, {DOCKER: made})[DOCKER] == made


@pytest.mark.parametrize("runtime", [Runtime.CRIO, Runtime.PODMAN])
def test_the_others_share_a_file_of_their_own(runtime: Runtime) -> None:
    (registry,) = tomllib.loads(wanted(runtime, WISH, {})[CONTAINERS])["registry"]
    assert registry["location"] == "docker.io"
    assert registry["mirror"] == [{"location": "127.0.0.1:65001", "insecure": True}]
    assert wanted(runtime, Wish(registries=("ghcr.io",)), {}) == {}


def test_a_restart_is_asked_for_only_where_the_runtime_does_not_look_again() -> None:
    assert restarts(Runtime.CONTAINERD, ["etc/containerd/certs.d/x/hosts.toml"]) is None
    assert restarts(Runtime.CONTAINERD, [CONTAINERD]) == "systemctl restart containerd"
    assert restarts(Runtime.DOCKER, [DOCKER]) == "systemctl reload docker"
    assert restarts(Runtime.PODMAN, [CONTAINERS]) is None


@pytest.mark.parametrize(
    ("runtime", "path", "text"),
    [(Runtime.CONTAINERD, CONTAINERD, "= ="), (Runtime.DOCKER, DOCKER, "[]"),
     (Runtime.DOCKER, DOCKER, "{")],
)  # fmt: skip
def test_what_cannot_be_read_is_named(runtime: Runtime, path: str, text: str) -> None:
    with pytest.raises(ConfigError, match=path):
        wanted(runtime, WISH, {path: text})


@pytest.mark.parametrize("wrong", [{"proxy": "127.0.0.1"}, {"registries": ("a b",)}])
def test_a_wrong_flag_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="--"):
        Wish(**wrong)  # type: ignore[arg-type]
