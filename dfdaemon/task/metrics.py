"""Counters of the task engine, registered once by the composition root."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class TaskMetrics:
    """What operators watch: traffic by kind, tasks by outcome, units by result."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.traffic_bytes = Counter(
            "meganeura_download_traffic_bytes",
            "Bytes that came to this host, by source: origin, seed, peer, local.",
            ["source"],
            registry=registry,
        )
        self.tasks = Counter(
            "meganeura_download_tasks",
            "Tasks that ended on this host: succeeded, failed, abandoned, reused.",
            ["outcome"],
            registry=registry,
        )
        self.running = Gauge(
            "meganeura_download_tasks_running", "Tasks under way.", registry=registry
        )
        self.duration_s = Histogram(
            "meganeura_download_task_duration_seconds",
            "From the first wish to the verified blob.",
            buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
            registry=registry,
        )
        self.unit_duration_s = Histogram(
            "meganeura_unit_duration_seconds",
            "From the request for a unit to its place in the store, for units from other hosts.",
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
            registry=registry,
        )
        self.unit_requests = Counter(
            "meganeura_unit_requests",
            "Requests for units to other hosts, by answer: unit, busy (no free slot), none.",
            ["answer"],
            registry=registry,
        )
        self.bad_units = Counter(
            "meganeura_bad_units",
            "Units that a parent delivered with wrong bytes.",
            registry=registry,
        )
        self.origin_by_itself = Counter(
            "meganeura_origin_without_seed",
            "Tasks for which this host went to the origin itself, for want of a seed.",
            registry=registry,
        )
        self.uploaded_bytes = Counter(
            "meganeura_upload_traffic_bytes", "Bytes sent to other hosts.", registry=registry
        )
