"""What is to be done with a request: answer it, serve a task, or pass it on. Pure data.

The mirror and the proxy's own doors return one of these; the proxy's server carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dfdaemon.task.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this. ``length`` is the Content-Length of a HEAD, whose body is not here."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Serve:
    """Send the content of a task. ``headers`` describe it; more come from the task's origin."""

    spec: TaskSpec
    headers: list[tuple[str, str]] = field(default_factory=list)
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Send the request on to ``url``, unchanged, and its answer back."""

    url: str = field(repr=False)


Reply = Answer | Serve | Pass
