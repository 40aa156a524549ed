"""What Prometheus and Grafana are given asks for figures that the services have."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.architecture.sources import PRODUCT, modules
from tests.kube.cases import CASES
from tests.kube.chart import CHART, Rendered
from tests.kube.conftest import rendered_once

PREFIXES = ("", "meganeura_", "meganeura_scheduler_")


@pytest.fixture(scope="module")
def watched() -> Rendered:
    return rendered_once(next(case for case in CASES if case.name == "watched"))


def test_every_figure_that_is_asked_for_exists() -> None:
    files = (CHART / "files" / "alerts.yaml", *(CHART / "files" / "dashboards").glob("*.json"))
    asked = {name for file in files for name in re.findall(r"\bmeganeura_\w+", file.read_text())}
    source = "".join(path.read_text() for path in modules(*PRODUCT))
    missing = set()
    for name in asked:
        bare = re.sub(r"_(total|bucket|sum|count)$", "", name)
        written = {bare.removeprefix(prefix) for prefix in PREFIXES}
        if not any(f'"{word}"' in source for word in written):
            missing.add(name)
    assert asked and not missing


def test_rules_and_dashboards_are_whole(watched: Rendered) -> None:
    (rule,) = watched.kind("PrometheusRule")
    names = [one["alert"] for group in rule["spec"]["groups"] for one in group["rules"]]
    assert len(names) == len(set(names)) > 3
    dashboards = watched.get("ConfigMap", "dragonfly-dashboards")["data"]
    assert [json.loads(text)["uid"] for text in dashboards.values()] == ["meganeura"]
    alerts = (CHART / "files" / "alerts.yaml").read_text()
    assert rule["spec"] == yaml.safe_load(alerts)


def test_the_monitor_selects_every_admin_port_once(watched: Rendered) -> None:
    (monitor,) = watched.kind("ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    found = []
    for service in watched.kind("Service"):
        labels = service["metadata"]["labels"]
        if wanted.items() <= labels.items():
            ports = [port["name"] for port in service["spec"]["ports"]]
            found += [labels["component"]] * ports.count("admin")
    assert sorted(found) == ["dfdaemon", "manager", "scheduler", "seed-peer"]
