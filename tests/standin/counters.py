"""What left the stand-in and who asked: the figures that tests and the demo assert on.

Every listener opens a Record per request; body.py adds the bytes as they go out.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

LOG_LENGTH = 100_000


@dataclass
class Record:
    """One request as it was received, and what it got.

    `kind`: api, resolve, resolve-cache, cdn, cas, transfer, xet-token, lfs, git, registry,
    plain. `names`: what faults and counters know the object by (digest, `org/name/path`).
    `start` and `size_bytes` tell the part of the object that was sent.
    """

    kind: str
    method: str
    host: str
    target: str
    headers: dict[str, str]
    user: str = "anonymous"
    names: tuple[str, ...] = ()
    status: int = 0
    start: int = 0
    size_bytes: int = 0
    time: float = field(default_factory=time.time)


class Counters:
    """Totals since the last reset, and the log of requests they come from."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything counted so far."""
        self.log: deque[Record] = deque(maxlen=LOG_LENGTH)
        self.requests: Counter[str] = Counter()
        self.by_user: dict[str, Counter[str]] = {}
        self.bytes_by_object: Counter[str] = Counter()
        self.bytes_by_kind: Counter[str] = Counter()
        self._bytes_by_name: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.cdn_authorization = 0

    def asked(self, record: Record) -> None:
        """Count a request, when it is known what it asks for."""
        self.log.append(record)
        key = f"{record.kind} {record.method}"
        self.requests[key] += 1
        self.by_user.setdefault(record.user, Counter())[key] += 1

    def sent(self, record: Record, size_bytes: int, *, of_object: bool) -> None:
        """Count body bytes that went out; those of an object also under all its names."""
        record.size_bytes += size_bytes
        self.bytes_by_kind[record.kind] += size_bytes
        if of_object and record.names:
            self.bytes_by_object[record.names[0]] += size_bytes
            self._bytes_by_name.update(dict.fromkeys(record.names, size_bytes))

    def answered(self, record: Record, status: int) -> None:
        """Count the status of an answer."""
        record.status = status
        self.statuses[status] += 1

    def hub_requests(self, kinds: Iterable[str] = ("api", "resolve", "resolve-cache")) -> int:
        """How many requests of the metadata kinds came in, by all methods."""
        wanted = set(kinds)
        return sum(n for key, n in self.requests.items() if key.split()[0] in wanted)

    def bytes_of(self, name: str) -> int:
        """Bytes sent of one object, by its digest or its `org/name/path`."""
        return self._bytes_by_name[name]

    def summary(self) -> dict[str, Any]:
        """All totals, ready for JSON."""
        return {
            "requests": dict(self.requests),
            "by_user": {user: dict(counter) for user, counter in self.by_user.items()},
            "bytes_by_object": dict(self.bytes_by_object),
            "bytes_by_kind": dict(self.bytes_by_kind),
            "bytes_total": sum(self.bytes_by_kind.values()),
            "statuses": {str(status): n for status, n in self.statuses.items()},
            "cdn_authorization": self.cdn_authorization,
            "hub_requests": self.hub_requests(),
        }

    def requests_as_json(self) -> list[dict[str, Any]]:
        """The log, oldest first."""
        return [asdict(record) for record in self.log]
