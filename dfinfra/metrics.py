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
from prometheus_client.openmetrics.exposition import generate_latest as _openmetrics

__all__ = [
    "BYTES_BUCKETS",
    "OPENMETRICS_TYPE",
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
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the process' own figures (memory, CPU, descriptors) and its build."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    build = Info("build", "What runs here.", namespace=NAMESPACE, registry=registry)
    build.info({"service": service, "version": version})
    return registry


def rendered(registry: CollectorRegistry) -> bytes:
    """The figures in the OpenMetrics text format."""
    text: bytes = _openmetrics(registry)
    return text
