"""The files that a job brings, and how a node is told of one. Pure.

A planned file is stored with the job and holds no credential and no signature; what opens the origin is
added as an :class:`Access` right before a node is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from manager.jobs.spec import PreheatSpec


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file. ``content`` is what its task id is made from, if not from its URL.

    ``private``: everybody may not read it, so the node must be given the credentials.
    """

    name: str
    url: str
    size_bytes: int | None = None
    digest: str = ""
    content: str = ""
    revision: str = ""
    private: bool = False
    object_store: bool = False

    def to_json(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PlannedFile:
        """What :meth:`to_json` made."""
        return cls(**stored)


@dataclass(frozen=True, slots=True)
class Access:
    """How a node gets a file now: the URL, and headers or a Hub token that open it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: str = field(default="", repr=False)
    filtered_query_params: tuple[str, ...] = ()

    @property
    def secret(self) -> bool:
        """It holds what must not be overheard."""
        return bool(self.headers or self.token)


class Source(Protocol):
    """One kind of origin, asked on behalf of one job."""

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """The files that the job's URLs stand for. Raises MeganeuraErrors that say what is wrong."""
        ...

    async def access(self, file: PlannedFile) -> Access:
        """How a node gets the file."""
        ...
