"""What an operator sees of the scheduler: log lines and metrics for what the core did."""

from __future__ import annotations

from dfinfra.logs import get_logger
from dfinfra.metrics import CollectorRegistry, Counter, Gauge
from scheduler import commands as do
from scheduler.resource.pool import Pool

_log = get_logger("scheduler")
_SPACE = "meganeura_scheduler"


class Watch:
    """Counts and tells. Labels are of bounded variety: no ids, no URLs."""

    def __init__(self, registry: CollectorRegistry, pool: Pool) -> None:
        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(name, about, labels, namespace=_SPACE, registry=registry)

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(name, about, namespace=_SPACE, registry=registry)

        self._answers = counter("answers", "Messages to peers.", "kind")
        self._origin = counter("origin_visits", "Hosts that went to the origin.", "granted", "seed")
        self._quarantines = counter("quarantines", "Hosts whose bytes did not verify.")
        self._expired = counter("expired_hosts", "Hosts that fell silent.")
        self._feeders_lost = counter("feeders_lost", "Seeds (or origin peers) given up.")
        self._triggers = counter("seed_triggers", "Downloads asked of seeds.", "outcome")
        self._events = counter("events", "Events handled.", "kind")
        self._overflows = counter("stream_overflows", "Streams whose peer did not read.")
        self.streams = gauge("streams", "Open AnnouncePeer streams.")
        gauge("hosts", "Announced hosts.").set_function(lambda: len(pool.hosts))
        gauge("tasks", "Known tasks.").set_function(lambda: len(pool.tasks))
        gauge("peers", "Known peers.").set_function(lambda: len(pool.peers))

    def event(self, kind: str) -> None:
        self._events.labels(kind).inc()

    def overflow(self, peer_id: str) -> None:
        self._overflows.inc()
        _log.warning("peer does not read, stream ended", peer=peer_id)

    def triggered(self, outcome: str, task_id: str, host_id: str, why: str = "") -> None:
        """A seed was asked: it began, or failed."""
        self._triggers.labels(outcome).inc()
        if outcome == "failed":
            _log.warning("seed did not take the task", task=task_id, host=host_id, why=why)
        else:
            _log.info("seed takes the task", task=task_id, host=host_id)

    def command(self, command: do.Command) -> None:
        """Tell what the core decided."""
        match command:
            case do.NoteOrigin():
                self._note_origin(command)
            case do.NoteQuarantine(host_id=host_id, task_id=task_id, failures=failures):
                self._quarantines.inc()
                _log.warning(
                    "host quarantined, its bytes did not verify",
                    host=host_id,
                    task=task_id,
                    failures=failures,
                )
            case do.NoteHostExpired(host_id=host_id, silent_s=silent_s):
                self._expired.inc()
                _log.warning("host expired", host=host_id, silent_s=round(silent_s, 1))
            case do.NoteFeederLost(task_id=task_id, host_id=host_id, reason=reason):
                self._feeders_lost.inc()
                _log.warning("feeder given up", task=task_id, host=host_id, why=reason)
            case do.Refuse(peer_id=peer_id, code=code, message=message):
                self._answers.labels("refusal").inc()
                _log.info("peer refused", peer=peer_id, code=code, why=message)
            case do.Offer():
                self._answers.labels("parents").inc()
            case do.GrantOrigin():
                self._answers.labels("origin").inc()
            case _:
                self._answers.labels("other").inc()

    def _note_origin(self, note: do.NoteOrigin) -> None:
        self._origin.labels(str(note.granted).lower(), str(note.seed).lower()).inc()
        line = "back to source granted" if note.granted else "peer went to the origin unasked"
        tell = _log.info if note.seed else _log.warning
        tell(
            line,
            task=note.task_id,
            peer=note.peer_id,
            host=note.host_id,
            seed=note.seed,
            why=note.reason,
        )
