"""The chart, rendered by the real helm, as objects that tests ask questions of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.sources import ROOT
from tests.kube import tools

CHART = ROOT / "charts" / "meganeura"
GUIDE = ROOT / "tests" / "kube" / "guide"
RELEASE, NAMESPACE = "dragonfly", "dragonfly-system"

Object = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Case:
    """Values under which the chart is rendered."""

    name: str
    files: tuple[Path, ...] = ()
    values: tuple[tuple[str, object], ...] = ()

    def arguments(self) -> list[str]:
        """As helm takes them."""
        files = [f"--values={path}" for path in self.files]
        return files + [f"--set-json={key}={json.dumps(value)}" for key, value in self.values]


class RefusedError(Exception):
    """Helm did not take the values; its words."""


def run(helm: Path, *arguments: str) -> str:
    """Helm's output. Raises RefusedError."""
    done = subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(done.stderr + done.stdout)
    return done.stdout


def render(case: Case, helm: Path = tools.HELM4, options: Sequence[str] = ()) -> str:
    """`helm template` with the guide's release and namespace."""
    where = ["template", RELEASE, str(CHART), f"--namespace={NAMESPACE}"]
    return run(helm, *where, *options, *case.arguments())


@dataclass(frozen=True)
class Rendered:
    """All objects of one rendering."""

    objects: tuple[Object, ...]

    @classmethod
    def of(cls, text: str) -> Rendered:
        return cls(tuple(one for one in yaml.safe_load_all(text) if one))

    def kind(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def get(self, kind: str, name: str) -> Object:
        (found,) = [one for one in self.kind(kind) if one["metadata"]["name"] == name]
        return found

    def workloads(self) -> list[Object]:
        return [one for one in self.objects if "template" in one.get("spec", {})]

    def pods(self) -> Iterator[Object]:
        """Every pod or template of one: what has `metadata` and `spec`."""
        for one in self.objects:
            if one["kind"] == "Pod":
                yield one
            elif "template" in one.get("spec", {}):
                yield one["spec"]["template"]

    def containers(self) -> Iterator[Object]:
        for pod in self.pods():
            yield from pod["spec"].get("initContainers", [])
            yield from pod["spec"]["containers"]


def selects(selector: Object, labels: Object) -> bool:
    """The pod with these labels is one of the selector's."""
    return selector.items() <= labels.items()
