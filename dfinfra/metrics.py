"""Prometheus registries, made once per process and handed down.

No module keeps a global counter: a service makes its registry with :func:`new_registry`,
its parts take it in their constructors and make their own collectors. The prefix of every
name is ``meganeura_``. The admin server shows the registry at ``/metrics``.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

__all__ = [
    "BYTES_BUCKETS",
    "SECONDS_BUCKETS",
    "CollectorRegistry",
    "Counter",
    "Gauge",
    "Histogram",
    "new_registry",
    "rendered",
]

NAMESPACE = "meganeura"
SECONDS_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
BYTES_BUCKETS = tuple(float(4**i) for i in range(5, 20))


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the process' own figures (memory, CPU, descriptors) and its build."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    build = Info("build", "What runs here.", namespace=NAMESPACE, registry=registry)
    build.info({"service": service, "version": version})
    return registry


def rendered(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """The figures and their content type, in the format that an Accept header asks for."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
