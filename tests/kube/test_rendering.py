"""Both helms render the chart under every case, and Kubernetes 1.25 to 1.37 knows every field."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.kube import tools
from tests.kube.cases import CASES, DEFAULT, GUIDES
from tests.kube.chart import CHART, GUIDE, NAMESPACE, Case, RefusedError, Rendered, render, run
from tests.kube.values_schema import TARGET, text

VERSIONS = ("1.25", "1.31", "1.37")
OF_PROMETHEUS = {"ServiceMonitor", "PrometheusRule"}


@pytest.mark.parametrize("helm", tools.HELMS, ids=lambda helm: helm.name)
def test_lint_finds_nothing(helm: Path) -> None:
    for case in (DEFAULT, GUIDES):
        run(helm, "lint", "--strict", f"--namespace={NAMESPACE}", str(CHART), *case.arguments())


def test_helm_3_and_4_render_the_same(case: Case) -> None:
    three, four = (Rendered.of(render(case, helm)) for helm in tools.HELMS)
    # In which order they list what neither knows is their own.
    assert _by_name(three) == _by_name(four)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the objects of all cases, those aside that Prometheus defines."""
    file = tmp_path_factory.mktemp("rendered") / "all.yaml"
    objects = [one for case in CASES for one in Rendered.of(render(case)).objects]
    file.write_text(yaml.safe_dump_all(one for one in objects if one["kind"] not in OF_PROMETHEUS))
    return file


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(everything: Path, version: str) -> None:
    command = [tools.VALIDATE, "-k", version, "--strict", everything]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_is_up_to_date() -> None:
    assert TARGET.read_text() == text(), "run `python -m tests.kube.values_schema`"


@pytest.mark.parametrize("helm", tools.HELMS, ids=lambda helm: helm.name)
@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("dfdeamon.hostNetwork", True, "dfdeamon"),
        ("dfdaemon.hostNetwrk", True, "hostNetwrk"),
        ("dfdaemon.config.proxy.tcpListn", {"port": 1}, "tcpListn"),
        ("dfdaemon.config.proxy.proxies", [{"regex": "x"}], "regex"),
        ("scheduler.config.verbos", True, "verbos"),
        ("scheduler.replicas", 0, "replicas"),
        ("seedPeer.cache.type", "tape", "type"),
        ("seedPeer.resources.request", {}, "request"),
        ("dfdaemon.config.verbose", "yes", "verbose"),
    ],
)
def test_a_mistake_fails_with_the_name_of_its_key(
    helm: Path, key: str, value: object, named: str
) -> None:
    with pytest.raises(RefusedError, match=named):
        render(Case("typo", values=((key, value),)), helm)


def test_the_guides_files_are_the_guides() -> None:
    values = yaml.safe_load((GUIDE / "charts-config.yaml").read_text())
    assert values["dfdaemon"]["config"]["proxy"]["defaultFilter"].startswith("Expires&")


def _by_name(rendered: Rendered) -> dict[tuple[str, str], object]:
    found = ((one["kind"], one["metadata"]["name"], one) for one in rendered.objects)
    return {(kind, name): _without_keys(one) for kind, name, one in found}


def _without_keys(one: dict[str, object]) -> object:
    """Keys and certificates are made anew by each rendering."""
    return (
        one
        if one["kind"] not in ("Secret", "ConfigMap", "MutatingWebhookConfiguration")
        else (one["kind"], one["metadata"]["name"])
    )  # type: ignore[index]
