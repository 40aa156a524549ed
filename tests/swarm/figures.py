"""What a daemon's admin port says of it: metrics as numbers, memory, readiness."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

TRAFFIC = "meganeura_download_traffic_bytes_total"
TIMEOUT_S = 10.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Traffic:
    """Bytes that came to a host, by where they came from."""

    origin: int = 0
    seed: int = 0
    peer: int = 0
    local: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.origin + self.seed + self.peer + self.local


class Figures:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """One sample; 0 if it does not exist."""
        return self.samples.get((name, tuple(sorted(labels.items()))), 0.0)

    @property
    def traffic(self) -> Traffic:
        """Bytes by source."""
        sources = ("origin", "seed", "peer", "local")
        return Traffic(*(int(self.value(TRAFFIC, source=source)) for source in sources))

    @property
    def rss_bytes(self) -> int:
        """Resident memory of the process."""
        return int(self.value("process_resident_memory_bytes"))


def scrape(admin_url: str) -> Figures:
    """Read ``/metrics``. Raises OSError if nobody answers."""
    return Figures(_get(f"{admin_url}/metrics"))


def is_ready(admin_url: str) -> bool:
    """Whether ``/readyz`` says so."""
    try:
        _get(f"{admin_url}/readyz")
    except urllib.error.HTTPError:
        return False
    return True


def _get(url: str) -> str:
    with _opener.open(url, timeout=TIMEOUT_S) as answer:
        text: str = answer.read().decode()
    return text
