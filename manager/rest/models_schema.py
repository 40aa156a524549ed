"""What requests about models, volumes, replication and webhooks say, and how they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from manager.jobs.states import JobState
from manager.rest.routes import Answer, Query, Wish

Id = Annotated[int, Field(ge=1, le=(1 << 63) - 1)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class ModelQuery(Query):
    """Filters of a list of models."""

    search: str | None = None
    """A part of the name."""
    volume: str | None = None


class ModelChange(Wish):
    """What can be changed of a model."""

    bio: str | None = Field(None, max_length=1000)
    keep_versions: int | None = Field(None, ge=0, le=1_000_000)
    keep_days: int | None = Field(None, ge=0, le=100_000)


class ModelAnswer(Answer):
    """A model. ``level`` is what you may do with it: read, write or admin."""

    name: str
    bio: str
    volume: str
    path: str
    versions: int
    size_bytes: int
    tags: list[str]
    keep_versions: int
    keep_days: int
    level: str
    created_at: datetime
    updated_at: datetime


class FileWish(Wish):
    """A file of a version that is pushed."""

    path: str = Field(max_length=2000)
    size_bytes: int = Field(ge=0, le=1 << 53)
    digest: Digest


class PushWish(Wish):
    """The files of a version that is pushed."""

    files: list[FileWish] = Field(max_length=100_000)
    note: str = Field("", max_length=10_000)
    volume: str = Field("", max_length=64)


class PushAnswer(Answer):
    """A version that is to be filled: upload what is missing, then commit."""

    version_id: int
    revision: str
    ready: bool
    missing: list[str]


class CommitWish(Wish):
    """The end of a push."""

    tags: list[str] = Field(default_factory=list, max_length=100)


class ImportWish(Wish):
    """A folder of the volume that becomes a version, without copying a byte."""

    path: str = Field(max_length=4000)
    volume: str = Field("", max_length=64)
    note: str = Field("", max_length=10_000)
    tags: list[str] = Field(default_factory=list, max_length=100)


class ReceivedAnswer(Answer):
    """How much of an upload has arrived."""

    received_bytes: int
    complete: bool


class VersionAnswer(Answer):
    """One version of a model."""

    id: int
    revision: str
    state: str
    files: int
    size_bytes: int
    note: str
    uploader: str
    tags: list[str]
    created_at: datetime
    ready_at: datetime | None


class VersionChange(Wish):
    """What can be changed of a version."""

    note: str = Field(max_length=10_000)


class FileAnswer(Answer):
    """One file of a version."""

    path: str
    size_bytes: int
    digest: str


class TagAnswer(Answer):
    """A tag, and where it leads. ``moving``: the volume's link does not lead there yet."""

    name: str
    revision: str
    moving: bool
    updated_at: datetime


class TagWish(Wish):
    """Where a tag shall lead: to the version of another tag, or a revision."""

    version: str = Field(min_length=1, max_length=128)


class VolumeWish(Wish):
    """How a volume is opened. Both values are kept sealed."""

    meta_url_secret: str = Field(min_length=1, max_length=2000)
    passphrase: str = Field("", max_length=1000)
    bio: str = Field("", max_length=1000)


class VolumeAnswer(Answer):
    """A volume that the manager knows."""

    name: str
    bio: str
    shown: str
    created_at: datetime
    updated_at: datetime


class WarmWish(Wish):
    """The preheat that follows a copy."""

    scope: str = Field("all_seed_peers", max_length=32)
    percentage: int | None = Field(None, ge=1, le=100)
    count: int | None = Field(None, ge=1, le=1_000_000)
    scheduler_cluster_ids: list[int] | None = Field(None, max_length=1000)


class RuleWish(Wish):
    """A replication rule."""

    name: str = Field(min_length=1, max_length=128)
    model_pattern: str = Field(min_length=1, max_length=250)
    tag_pattern: str = Field("*", min_length=1, max_length=128)
    target: str = Field(min_length=1, max_length=64)
    enabled: bool = True
    warm: WarmWish | None = None


class RuleAnswer(Answer):
    """A replication rule."""

    id: int
    name: str
    model_pattern: str
    tag_pattern: str
    target: str
    enabled: bool
    warm: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


class ReplicationQuery(Query):
    """Filters of a list of replications."""

    rule_id: Id | None = None
    state: str | None = None


class ReplicationAnswer(Answer):
    """What a rule did, or does, about one tag."""

    id: int
    rule: str
    target: str
    model: str
    tag: str
    revision: str
    state: str
    error: str
    job_id: int | None
    phase: JobState | None
    done_bytes: int
    total_bytes: int
    copied_bytes: int
    copied_files: int
    done_at: datetime | None
    updated_at: datetime


class WebhookWish(Wish):
    """A webhook. Without a secret one is made, and shown once."""

    name: str = Field(min_length=1, max_length=128)
    url: str = Field(min_length=1, max_length=1000)
    events: list[str] = Field(default_factory=lambda: ["*"], min_length=1, max_length=50)
    enabled: bool = True
    secret: str = Field("", max_length=500)


class WebhookAnswer(Answer):
    """A webhook. ``secret`` is shown by the answer that makes it, and never again."""

    id: int
    name: str
    url: str
    events: list[str]
    enabled: bool
    secret: str | None = None
    created_at: datetime
    updated_at: datetime


class DeliveryAnswer(Answer):
    """One event on its way to one webhook."""

    id: int
    event_id: str
    event: str
    state: str
    attempts: int
    status: int
    error: str
    next_at: datetime
    created_at: datetime
    payload: dict[str, Any]
