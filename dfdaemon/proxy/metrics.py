"""The proxy's figures: requests by way and outcome, how many are under way. Made by the server."""

from __future__ import annotations

from dfinfra.metrics import SECONDS_BUCKETS, CollectorRegistry, Counter, Gauge, Histogram


class ProxyMetrics:
    """Labels are of closed sets: no host, path, tag or user is among them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "proxy_requests",
            "Requests answered, by way and class of status.",
            ("way", "status"),
            namespace="meganeura",
            registry=registry,
        )
        self.seconds = Histogram(
            "proxy_request_seconds",
            "From a request's head to the end of its answer.",
            ("way",),
            namespace="meganeura",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.replayed = Counter(
            "proxy_replays",
            "Small answers given again to the same request within a moment.",
            namespace="meganeura",
            registry=registry,
        )
        self.under_way = Gauge(
            "proxy_requests_under_way",
            "Requests and tunnels at the moment.",
            ("kind",),
            namespace="meganeura",
            registry=registry,
        )

    def done(self, way: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(way, f"{status // 100}xx").inc()
        self.seconds.labels(way).observe(seconds)
