"""Tables of the model registry: volumes, models, versions, tags; replication; webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from manager.db.base import TABLE_OPTIONS, Base, BigId, Name, Stamped, Text1K

UPLOADING, READY, REMOVING = "uploading", "ready", "removing"


class VolumeRow(Stamped, Base):
    """A dffs volume that the manager may open. How is sealed; ``shown`` is its store without secrets."""

    __tablename__ = "volumes"

    name: Mapped[str] = mapped_column(String(64), unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    shown: Mapped[str] = mapped_column(Text1K, default="")
    sealed: Mapped[bytes] = mapped_column(LargeBinary(65535))


class Model(Stamped, Base):
    """A model: a name (``org/name``) for versions of files in one volume."""

    __tablename__ = "models"

    name: Mapped[str] = mapped_column(Name, unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    volume: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(BigId)
    keep_versions: Mapped[int] = mapped_column(default=0)
    """So many untagged versions are kept, the newest; 0: all."""
    keep_days: Mapped[int] = mapped_column(default=0)
    """Untagged versions are kept so long; 0: for ever."""


class ModelVersion(Stamped, Base):
    """One version: immutable once it is ready. ``revision`` is a digest over its list of files."""

    __tablename__ = "model_versions"
    __table_args__ = (UniqueConstraint("model_id", "revision"), TABLE_OPTIONS)

    model_id: Mapped[int] = mapped_column(BigId, ForeignKey("models.id"), index=True)
    revision: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default=UPLOADING)
    files: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    user_id: Mapped[int | None] = mapped_column(BigId)
    uploader: Mapped[str] = mapped_column(Name, default="")
    ready_at: Mapped[datetime | None]


class ModelFile(Base):
    """One file of a version."""

    __tablename__ = "model_files"
    __table_args__ = (Index("ix_model_files_digest", "digest"), TABLE_OPTIONS)

    version_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True
    )
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(80))


class ModelTag(Stamped, Base):
    """A name that moves from version to version. ``shown_id``: where the volume's link leads."""

    __tablename__ = "model_tags"
    __table_args__ = (UniqueConstraint("model_id", "name"), TABLE_OPTIONS)

    model_id: Mapped[int] = mapped_column(BigId, ForeignKey("models.id"))
    name: Mapped[str] = mapped_column(String(128))
    version_id: Mapped[int | None] = mapped_column(BigId, index=True)
    """None: the tag is being removed."""
    shown_id: Mapped[int | None] = mapped_column(BigId)


class ReplicationRule(Stamped, Base):
    """Versions whose model and tag match are copied to a volume, and brought to nodes there."""

    __tablename__ = "replication_rules"

    name: Mapped[str] = mapped_column(String(128), unique=True)
    model_pattern: Mapped[str] = mapped_column(Name)
    tag_pattern: Mapped[str] = mapped_column(String(128))
    target: Mapped[str] = mapped_column(String(64))
    enabled: Mapped[bool] = mapped_column(default=True)
    warm: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The scope of the preheat that follows a copy, None for no preheat."""
    user_id: Mapped[int | None] = mapped_column(BigId)


class Replication(Stamped, Base):
    """What one rule did, or does, about one tag of one model."""

    __tablename__ = "replications"
    __table_args__ = (UniqueConstraint("rule_id", "model_id", "tag"), TABLE_OPTIONS)

    rule_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("replication_rules.id", ondelete="CASCADE"), index=True
    )
    model_id: Mapped[int] = mapped_column(BigId)
    tag: Mapped[str] = mapped_column(String(128))
    version_id: Mapped[int | None] = mapped_column(BigId)
    job_id: Mapped[int | None] = mapped_column(BigId, index=True)
    state: Mapped[str] = mapped_column(String(16))
    error: Mapped[str] = mapped_column(Text, default="")
    copied_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    copied_files: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]


class Webhook(Stamped, Base):
    """Where events are sent."""

    __tablename__ = "webhooks"

    name: Mapped[str] = mapped_column(String(128), unique=True)
    url: Mapped[str] = mapped_column(Text1K)
    events: Mapped[list[str]] = mapped_column(JSON)
    enabled: Mapped[bool] = mapped_column(default=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary(4096))
    user_id: Mapped[int | None] = mapped_column(BigId)


class WebhookDelivery(Stamped, Base):
    """One event on its way to one webhook."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),
        TABLE_OPTIONS,
    )

    webhook_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("webhooks.id", ondelete="CASCADE"), index=True
    )
    event_id: Mapped[str] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    status: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text1K, default="")
