"""How the stand-in misbehaves when a test tells it to.

A Fault names which requests it strikes and how often; listeners ask `Faults.strike` once per
request and obey the Plan they get. Rate limits (429 by quota) are in ratelimit.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.counters import Record

KINDS = (
    "status",  # answer `status` with `headers` and no regard to the object
    "cut",  # close the connection after `after_bytes` of the body
    "stall",  # send `after_bytes` of the body, then nothing for `seconds`
    "slow",  # wait `seconds` before the first byte of the answer
    "ignore_range",  # answer 200 and the whole object to a Range
    "wrong_bytes",  # right size, wrong content
    "throttle",  # send at most `bytes_per_s`
    "move_ref",  # after the answer, point `ref` of the repo at commit `commit`
)


@dataclass
class Fault:
    """One misbehaviour.

    It strikes requests whose kind is in `on` (empty = any), whose method is `method` (None =
    any) and one of whose names matches the glob `object`: the first `skip` of them pass, the
    next `times` are struck (None = all).
    """

    kind: str
    on: tuple[str, ...] = ()
    object: str = "*"
    method: str | None = None
    user: str | None = None
    times: int | None = None
    skip: int = 0
    after_bytes: int = 0
    seconds: float = 0.0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    bytes_per_s: int = 0
    reset: bool = False
    ref: str = "main"
    commit: str = ""
    struck: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a fault's kind is one of {KINDS}")
        self.on = (self.on,) if isinstance(self.on, str) else tuple(self.on)

    def matches(self, record: Record) -> bool:
        """Whether the request is one that this fault is about."""
        return (
            (not self.on or record.kind in self.on)
            and self.method in (None, record.method)
            and self.user in (None, record.user)
            and any(fnmatchcase(name, self.object) for name in record.names or ("",))
        )

    def due(self) -> bool:
        """Take one strike of what is left; False while skipping or when used up."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        self.struck += 1
        return True


@dataclass
class Plan:
    """What is to go wrong with one request: at most one fault of each kind."""

    faults: dict[str, Fault] = field(default_factory=dict)

    def get(self, kind: str) -> Fault | None:
        """The fault of this kind that strikes the request, if any."""
        return self.faults.get(kind)

    @property
    def touches_body(self) -> bool:
        """Whether the body must be sent block by block instead of by sendfile."""
        return bool({"wrong_bytes", "throttle"} & self.faults.keys())


class Faults:
    """The faults that are set, in the order they were added."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def add(self, kind: str, **options: Any) -> Fault:
        """Set a fault (see Fault for the options) and return it, to read `struck` later."""
        fault = Fault(kind, **options)
        self.all.append(fault)
        return fault

    def clear(self) -> None:
        """Behave again."""
        self.all.clear()

    def strike(self, record: Record) -> Plan:
        """The faults that strike this request; counts them as used."""
        plan = Plan()
        for fault in self.all:
            if fault.kind not in plan.faults and fault.matches(record) and fault.due():
                plan.faults[fault.kind] = fault
        return plan
