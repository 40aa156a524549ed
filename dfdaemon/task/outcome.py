"""How a download went: traffic by source, and the one line that people grep for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfcore.errors import MeganeuraError
from dfdaemon.task import events as it
from dfdaemon.task.service import Traffic
from dfinfra.logs import get_logger

if TYPE_CHECKING:
    from dfdaemon.task.conductor import Conductor

log = get_logger("peer")


def log_done(
    *, task_id: str, peer_id: str, trace: str, cost_ms: int, size_bytes: int, traffic: Traffic
) -> None:
    """Write the line `peer task done, cost: …ms` with the fields that operators look for."""
    log.info(
        f"peer task done, cost: {cost_ms}ms",
        peer=peer_id,
        task=task_id,
        component="PeerTask",
        trace=trace,
        size_bytes=size_bytes,
        origin_bytes=traffic.origin_bytes,
        seed_bytes=traffic.seed_bytes,
        peer_bytes=traffic.peer_bytes,
        local_bytes=traffic.local_bytes,
    )


class Outcome:
    """Counts one download's bytes and tells its end to the log and the metrics."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._metrics = conductor.parts.metrics
        self._began = conductor.parts.clock.monotonic()
        self._bytes = {"origin": 0, "seed": 0, "peer": 0}
        self._local_bytes = 0
        self._alone = False
        self.word = "abandoned"
        self._metrics.running.inc()

    def adopted(self, local_bytes: int) -> None:
        """So many bytes were here from an earlier run."""
        self._local_bytes = local_bytes

    def goes_alone(self) -> None:
        """A host that is no seed asks the origin: the last resort, told once a task."""
        if self._alone:
            return
        self._alone = True
        self._metrics.origin_by_itself.inc()
        log.warning(
            "going to the origin without a seed",
            **self._about(),
        )

    def count(self, event: it.UnitArrived, source: str) -> None:
        self._bytes[source] += event.length
        self._metrics.traffic_bytes.labels(source).inc(event.length)
        if event.cost_s:
            self._metrics.unit_duration_s.observe(event.cost_s)

    @property
    def traffic(self) -> Traffic:
        return Traffic(
            self._bytes["origin"], self._bytes["seed"], self._bytes["peer"], self._local_bytes
        )

    def succeeded(self) -> None:
        cost_s = self._end("succeeded")
        self._metrics.traffic_bytes.labels("local").inc(self._local_bytes)
        self._metrics.duration_s.observe(cost_s)
        conductor = self._conductor
        log_done(
            task_id=conductor.spec.task_id,
            peer_id=conductor.peer_id,
            trace=conductor.trace.trace_id,
            cost_ms=round(cost_s * 1000),
            size_bytes=conductor.geometry.size_bytes,
            traffic=self.traffic,
        )

    def failed(self, error: MeganeuraError) -> None:
        cost_s = self._end("failed")
        log.warning(
            "peer task failed",
            **self._about(),
            cost_ms=round(cost_s * 1000),
            error=error.code,
            reason=str(error),
        )

    def thrown_away(self, why: str) -> None:
        self._local_bytes = 0
        log.warning(
            "content thrown away",
            **self._about(),
            reason=why,
        )

    def given_up(self) -> None:
        self._end("abandoned")
        log.info(
            "peer task abandoned",
            **self._about(),
        )

    def _about(self) -> dict[str, str]:
        conductor = self._conductor
        return {
            "peer": conductor.peer_id,
            "task": conductor.spec.task_id,
            "component": "PeerTask",
            "trace": conductor.trace.trace_id,
        }

    def _end(self, word: str) -> float:
        self.word = word
        self._metrics.tasks.labels(word).inc()
        self._metrics.running.dec()
        traffic = self.traffic
        trace = self._conductor.trace
        trace.set(
            outcome=word,
            origin_bytes=traffic.origin_bytes,
            seed_bytes=traffic.seed_bytes,
            peer_bytes=traffic.peer_bytes,
            local_bytes=traffic.local_bytes,
        )
        trace.end(self._conductor.error if word == "failed" else None)
        return self._conductor.parts.clock.monotonic() - self._began
