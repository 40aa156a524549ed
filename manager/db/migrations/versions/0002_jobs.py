"""Jobs: what is to be done, its plan and steps, and the secrets it may use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from manager.db.base import BigId
from manager.db.migrations import columns as col

revision = "0002_jobs"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    _jobs()
    _plans()
    _steps()
    _secrets()


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(65535), nullable=nullable)


def _sum(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _of_job() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE")


def _jobs() -> None:
    op.create_table(
        "jobs",
        *col.stamped(),
        col.text("type", 32),
        col.text("state", 16),
        col.text("bio", 1024),
        col.big("user_id", nullable=True),
        col.text("task_id", 64),
        col.json("args"),
        col.json("spec"),
        _bytes("credentials", nullable=True),
        col.json("cluster_ids"),
        col.moment("due_at"),
        col.text("cron", 128, nullable=True),
        col.text("time_zone", 64),
        col.big("schedule_id", nullable=True),
        col.text("owner", 128),
        col.moment("lease_until", nullable=True),
        _sum("epoch"),
        col.flag("cancel"),
        col.flag("planned"),
        sa.Column("error", sa.Text(), nullable=False),
        col.json("result", nullable=True),
        *(_sum(f"{name}_steps") for name in ("total", "done", "failed")),
        *(_sum(f"{name}_bytes") for name in ("total", "done")),
        col.moment("started_at", nullable=True),
        col.moment("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("schedule_id", "due_at", name="uq_jobs_schedule_id_due_at"),
        **col.OPTIONS,
    )
    op.create_index("ix_jobs_state_due_at", "jobs", ["state", "due_at"])
    op.create_index("ix_jobs_state_lease_until", "jobs", ["state", "lease_until"])
    op.create_index("ix_jobs_schedule_id", "jobs", ["schedule_id"])


def _plans() -> None:
    op.create_table(
        "job_files",
        sa.Column("job_id", BigId, nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        col.json("plan"),
        sa.PrimaryKeyConstraint("job_id", "no", name="pk_job_files"),
        _of_job(),
        **col.OPTIONS,
    )
    op.create_table(
        "job_targets",
        sa.Column("job_id", BigId, nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        col.text("host_id", 320),
        col.text("hostname", 256),
        col.text("ip", 64),
        col.number("port"),
        col.flag("seed"),
        sa.Column("cluster_id", BigId, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "no", name="pk_job_targets"),
        _of_job(),
        **col.OPTIONS,
    )


def _steps() -> None:
    op.create_table(
        "job_steps",
        sa.Column("job_id", BigId, nullable=False),
        sa.Column("file_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target_no", sa.Integer(), autoincrement=False, nullable=False),
        col.text("state", 16),
        col.number("attempts"),
        _sum("done_bytes"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        col.text("task_id", 64),
        _sum("took_ms"),
        col.text("error", 1024),
        sa.PrimaryKeyConstraint("job_id", "file_no", "target_no", name="pk_job_steps"),
        _of_job(),
        **col.OPTIONS,
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        *col.stamped(),
        col.text("name", 128),
        col.text("bio", 1024),
        col.json("hosts"),
        col.big("user_id", nullable=True),
        _bytes("sealed"),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        sa.UniqueConstraint("name", name="uq_secrets_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "vault_keys",
        sa.Column("id", BigId, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vault_keys"),
        **col.OPTIONS,
    )
