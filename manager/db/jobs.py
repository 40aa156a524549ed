"""Tables of jobs: what is to be done, on which hosts with which files, and how far each step is."""

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


class Job(Stamped, Base):
    """One job. ``epoch`` grows at each claim: what an earlier owner still writes is refused by it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_state_due_at", "state", "due_at"),
        Index("ix_jobs_state_lease_until", "state", "lease_until"),
        UniqueConstraint("schedule_id", "due_at", name="uq_jobs_schedule_id_due_at"),
        TABLE_OPTIONS,
    )

    type: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    bio: Mapped[str] = mapped_column(Text1K, default="")
    user_id: Mapped[int | None] = mapped_column(BigId)
    task_id: Mapped[str] = mapped_column(String(64))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    credentials: Mapped[bytes | None] = mapped_column(LargeBinary(65535))
    cluster_ids: Mapped[list[Any]] = mapped_column(JSON)
    due_at: Mapped[datetime]
    cron: Mapped[str | None] = mapped_column(String(128))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    schedule_id: Mapped[int | None] = mapped_column(BigId, index=True)
    owner: Mapped[str] = mapped_column(String(128), default="")
    lease_until: Mapped[datetime | None]
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    planned: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    total_steps: Mapped[int] = mapped_column(BigInteger, default=0)
    done_steps: Mapped[int] = mapped_column(BigInteger, default=0)
    failed_steps: Mapped[int] = mapped_column(BigInteger, default=0)
    total_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    done_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobFile(Base):
    """One file of a job's plan."""

    __tablename__ = "job_files"

    job_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)


class JobTarget(Base):
    """One host of a job's plan."""

    __tablename__ = "job_targets"

    job_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    host_id: Mapped[str] = mapped_column(String(320))
    hostname: Mapped[str] = mapped_column(Name)
    ip: Mapped[str] = mapped_column(String(64))
    port: Mapped[int]
    seed: Mapped[bool]
    cluster_id: Mapped[int] = mapped_column(BigInteger)
    download_port: Mapped[int] = mapped_column(default=0)


class JobStep(Base):
    """One file on one host. Rows appear when there is something to say."""

    __tablename__ = "job_steps"
    __table_args__ = (Index("ix_job_steps_job_id_turn", "job_id", "turn"), TABLE_OPTIONS)

    job_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    file_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    target_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    done_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    task_id: Mapped[str] = mapped_column(String(64), default="")
    took_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str] = mapped_column(Text1K, default="")
    turn: Mapped[int] = mapped_column(BigInteger, default=0)
    """Grows with every change of the job's steps: who looks on asks for what came after a turn."""


class Secret(Stamped, Base):
    """A named secret, enciphered: a Hub token, keys of a store, a registry's password."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(128), unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    hosts: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Patterns of hosts that it may be sent to; none: the Hub of the configuration alone."""
    user_id: Mapped[int | None] = mapped_column(BigId)
    sealed: Mapped[bytes] = mapped_column(LargeBinary(65535))


class VaultKey(Base):
    """The key that secrets are enciphered with, where no key file is configured."""

    __tablename__ = "vault_keys"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    key: Mapped[bytes] = mapped_column(LargeBinary(64))
