"""What the chart renders fits together: selectors, ports, names, configuration files, command lines."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from cryptography import x509

from dfdaemon.config import DaemonConfig, Profile
from dffs.cli.mount import command as dffs_mount
from dfinfra import config as settings
from dfkube.csi.config import CsiConfig
from dfkube.injector.config import InjectorConfig, Mode
from manager.__main__ import command as manager_command
from manager.config import ManagerConfig
from scheduler.__main__ import command as scheduler_command
from scheduler.config import SchedulerConfig
from seedpeer.config import SeedConfig
from tests.kube.cases import CASES
from tests.kube.chart import GUIDE, NAMESPACE, RELEASE, Case, Object, Rendered, selects
from tests.kube.conftest import rendered_once

CONFIGS: dict[str, type[Any]] = {
    "dfdaemon.yaml": DaemonConfig,
    "seedpeer.yaml": SeedConfig,
    "scheduler.yaml": SchedulerConfig,
    "manager.yaml": ManagerConfig,
}


SERVICES = ("dfdaemon", "seedpeer", "scheduler", "manager")


def configs(rendered: Rendered, folder: Path) -> dict[str, Any]:
    """Every service's file, read by the service's own classes."""
    found = {}
    for one in rendered.kind("ConfigMap"):
        for name, text in one["data"].items():
            if name in CONFIGS:
                (folder / name).write_text(text)
                found[name] = settings.load(CONFIGS[name], folder / name)
    return found


def program(container: Object) -> str:
    """What a container runs; a shell's last word is the name of what it runs in its place."""
    words = container.get("command", [""])
    return str(words[-1] if words[0] == "sh" else words[0])


def ports_of(pod: Object) -> dict[str, int]:
    return {
        port["name"]: port["containerPort"]
        for one in pod["spec"]["containers"]
        for port in one.get("ports", [])
    }


def test_each_service_reads_the_file_it_is_given(rendered: Rendered, tmp_path: Path) -> None:
    found = configs(rendered, tmp_path)
    commands = {program(one) for one in rendered.containers()}
    assert {f"{name}.yaml" for name in commands if name in SERVICES} == set(found)


def test_files_say_the_ports_that_pods_open(rendered: Rendered, tmp_path: Path) -> None:
    found = configs(rendered, tmp_path)
    for pod in rendered.pods():
        opened, component = ports_of(pod), pod["metadata"]["labels"]["component"]
        if component == "scheduler":
            config = found["scheduler.yaml"]
            assert opened == {"grpc": config.server.port, "admin": config.admin.port}
            assert config.admin.ip == "0.0.0.0"
        elif component == "manager":
            server, admin = found["manager.yaml"].server, found["manager.yaml"].admin
            assert opened == {
                "rest": server.rest.port,
                "grpc": server.grpc.port,
                "stream": server.stream.port,
                "admin": admin.port,
            }
            assert server.stream.port != 0
            assert admin.ip == "0.0.0.0"
        elif component in ("seed-peer", "dfdaemon"):
            config = found["seedpeer.yaml" if component == "seed-peer" else "dfdaemon.yaml"]
            wanted = {
                "vortex": config.upload.port,
                "grpc": config.upload.rpc_port,
                "admin": config.pprof_port or config.admin.port,
            }
            if component == "dfdaemon":
                wanted["proxy"] = config.proxy.tcp_listen.port
            assert opened == wanted


def test_the_kubelet_reaches_what_it_probes(rendered: Rendered, tmp_path: Path) -> None:
    found = configs(rendered, tmp_path)
    for pod in rendered.pods():
        if pod["metadata"]["labels"]["component"] not in ("seed-peer", "dfdaemon"):
            continue
        seed = pod["metadata"]["labels"]["component"] == "seed-peer"
        config = found["seedpeer.yaml" if seed else "dfdaemon.yaml"]
        on_all = config.metrics.enable or config.admin.ip == "0.0.0.0"
        for one in pod["spec"]["containers"]:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                get = one[probe]["httpGet"]
                assert get["port"] == "admin"
                assert on_all or (get["host"] == "127.0.0.1" and pod["spec"]["hostNetwork"])


def test_services_find_pods_and_ports(rendered: Rendered) -> None:
    for service in rendered.kind("Service"):
        selector = dict(service["spec"]["selector"])
        name = selector.pop("statefulset.kubernetes.io/pod-name", None)
        pods = [pod for pod in rendered.pods() if selects(selector, pod["metadata"]["labels"])]
        assert len(pods) == 1, service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            assert port["protocol"] == "TCP"
            target = port["targetPort"]
            assert port["port"] == ports_of(pods[0])[target]
        if name:
            owners = {one["metadata"]["name"] for one in rendered.kind("StatefulSet")}
            assert name.rpartition("-")[0] in owners


def test_workloads_select_their_own_pods_and_no_others(rendered: Rendered) -> None:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in rendered.workloads()]
    for one in rendered.workloads():
        chosen = [
            labels for labels in pods if selects(one["spec"]["selector"]["matchLabels"], labels)
        ]
        assert chosen == [one["spec"]["template"]["metadata"]["labels"]]
        if one["kind"] == "StatefulSet":
            rendered.get("Service", one["spec"]["serviceName"])


def test_budgets_and_policies_select_pods(rendered: Rendered) -> None:
    for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for one in rendered.kind(kind):
            selector = one["spec"][key]["matchLabels"]
            pods = [p for p in rendered.pods() if selects(selector, p["metadata"]["labels"])]
            assert len(pods) == 1
            for rule in one["spec"].get("ingress", []):
                assert {port["port"] for port in rule["ports"]} <= set(ports_of(pods[0]))


def test_the_schedulers_addresses_are_services_of_the_release(
    rendered: Rendered, tmp_path: Path, case: Case
) -> None:
    for name, config in configs(rendered, tmp_path).items():
        if name in ("scheduler.yaml", "manager.yaml"):
            continue
        for address in config.scheduler.addrs:
            if case.name == "nodes-alone":
                assert address == "10.0.0.1:8002"
                continue
            host, port = address.split(":")
            service, namespace, *rest = host.split(".")
            assert (namespace, rest) == (NAMESPACE, ["svc", "cluster", "local"])
            (offered,) = rendered.get("Service", service)["spec"]["ports"]
            assert offered["port"] == int(port)


def test_hosts_reach_the_manager_by_a_name_of_its_certificate(
    rendered: Rendered, tmp_path: Path, case: Case
) -> None:
    if case.name in ("nodes-alone", "own-secrets"):
        return
    certificate = base64.b64decode(rendered.get("Secret", "dragonfly-hosts")["data"]["host.crt"])
    names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    ports = {
        p["name"]: p["port"] for p in rendered.get("Service", "dragonfly-manager")["spec"]["ports"]
    }
    for name, config in configs(rendered, tmp_path).items():
        if name != "manager.yaml":
            (target,) = config.manager.targets
            host, _, port = target.partition(":")
            assert config.manager.tls
            assert host in names.value.get_values_for_type(x509.DNSName)
            assert int(port) == ports["grpc"]


def test_every_mounted_thing_is_there(rendered: Rendered, case: Case) -> None:
    own = {(one["kind"], one["metadata"]["name"]) for one in rendered.objects}
    given = {
        "own-secrets": ("hosts", "proxy", "root", "url"),
        "mounts": ("volumes", "passphrase"),
        "pods": ("urls",),
    }
    names = given.get(case.name, ())
    brought = {("Secret", name) for name in names}
    for pod in rendered.pods():
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        for one in rendered.workloads():
            if one["spec"]["template"] is pod:
                claims = one["spec"].get("volumeClaimTemplates", [])
                volumes |= {claim["metadata"]["name"] for claim in claims}
        for one in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]):
            assert {mount["name"] for mount in one.get("volumeMounts", [])} <= volumes
        for volume in pod["spec"].get("volumes", []):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in own
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in own | brought


def test_arguments_are_taken_by_the_services_own_command_lines(rendered: Rendered) -> None:
    from dfdaemon import run as daemon_run

    taken = []
    for one in rendered.containers():
        name = program(one)
        if name in ("scheduler", "manager"):
            line: click.Command = scheduler_command if name == "scheduler" else manager_command
        elif name in ("dfdaemon", "seedpeer"):
            main = daemon_run.command(name, Profile(service=name), "")
            # The click command is a cell of the entry point.
            line = _click_command_in(main)
        elif name == "mount":
            # The file is of the pod, and the volume's name of its environment.
            args = [a.replace("dffs://", "") for a in one["args"] if "-file=" not in a]
            with click.Context(dffs_mount) as context:
                dffs_mount.parse_args(context, args)
            continue
        else:
            continue
        with click.Context(line) as context:
            line.parse_args(context, list(one["args"]))
        assert Path(context.params["path"]).name == f"{name}.yaml"
        taken.append(name)
    assert taken


def _click_command_in(main: Any) -> click.Command:
    cells = [main, *(cell.cell_contents for cell in main.__closure__ or ())]
    for cell in cells:
        if isinstance(cell, click.Command):
            return cell
        for inner in getattr(cell, "__closure__", None) or ():
            if isinstance(inner.cell_contents, click.Command):
                return inner.cell_contents
    raise AssertionError("no click command behind the entry point")


def test_the_guides_service_finds_the_daemons_proxy() -> None:
    from tests.kube.cases import GUIDES
    from tests.kube.conftest import rendered_once

    rendered = rendered_once(GUIDES)
    service = yaml.safe_load((GUIDE / "peer-service-config.yaml").read_text())
    (port,) = service["spec"]["ports"]
    (pod,) = [
        p for p in rendered.pods() if selects(service["spec"]["selector"], p["metadata"]["labels"])
    ]
    assert service["metadata"]["namespace"] == NAMESPACE
    assert service["spec"]["selector"]["release"] == RELEASE
    assert ports_of(pod)["proxy"] == port["port"] == 65001
    assert pod["spec"]["hostNetwork"] is True


@pytest.mark.parametrize("one", yaml.safe_load((GUIDE / "kind-config.yaml").read_text())["nodes"])
def test_the_kind_clusters_port_is_the_services(one: Object) -> None:
    service = yaml.safe_load((GUIDE / "peer-service-config.yaml").read_text())
    for mapping in one.get("extraPortMappings", []):
        assert mapping["containerPort"] == service["spec"]["ports"][0]["nodePort"]
        assert mapping["hostPort"] == service["spec"]["ports"][0]["port"]


def test_the_injector_and_the_csi_driver_read_their_files(tmp_path: Path) -> None:
    (case,) = [one for one in CASES if one.name == "pods"]
    rendered = rendered_once(case)
    texts = {}
    for component, name in (("injector", "injector.yaml"), ("csi", "csi.yaml")):
        texts[component] = rendered.get("ConfigMap", f"dragonfly-{component}")["data"][name]
        (tmp_path / name).write_text(texts[component])
    injector = settings.load(InjectorConfig, tmp_path / "injector.yaml")
    assert (injector.mode, injector.authority.config_map) == (Mode.PROXY, "ca")
    assert "dragonfly-system" in injector.protected_namespaces
    driver = settings.load(CsiConfig, tmp_path / "csi.yaml", {"nodeId": "n"})
    assert driver.volumes["models"].url_file == Path("/etc/meganeura/volumes/models")
    assert "--cache-size=50G" in driver.mount_options
    manager = rendered.get("Service", "dragonfly-manager")
    ports = [port["port"] for port in manager["spec"]["ports"]]
    assert int(driver.manager_url.rpartition(":")[2]) in ports
    (hook,) = rendered.kind("MutatingWebhookConfiguration")
    service = rendered.get("Service", "dragonfly-injector")
    for one in hook["webhooks"]:
        assert one["failurePolicy"] == "Ignore" and one["timeoutSeconds"] <= 5
        assert one["clientConfig"]["service"]["name"] == service["metadata"]["name"]
        assert one["clientConfig"]["service"]["port"] == service["spec"]["ports"][0]["port"]


def test_seeds_verify_what_the_nodes_verify(rendered: Rendered, tmp_path: Path) -> None:
    """A seed goes by its own file; one that refused what nodes take would leave them to the origin."""
    found = configs(rendered, tmp_path)
    if {"seedpeer.yaml", "dfdaemon.yaml"} <= set(found):
        url = "https://cdn-lfs.huggingface.co/file"
        node, seed = (
            found[f"{name}.yaml"].proxy.registry_mirror for name in ("dfdaemon", "seedpeer")
        )
        assert seed.may_skip_verify(url) == node.may_skip_verify(url)
