"""The model registry: volumes, models, versions, tags; replication; webhooks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from manager.db.base import BigId
from manager.db.migrations import columns as col

revision = "0003_models"
down_revision = "0002_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    _models()
    _versions()
    _tags()
    _replication()
    _webhooks()


def _bytes(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(length), nullable=False)


def _sum(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _long(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _models() -> None:
    op.create_table(
        "volumes",
        *col.stamped(),
        col.text("name", 64),
        col.text("bio", 1024),
        col.text("shown", 1024),
        _bytes("sealed", 65535),
        sa.PrimaryKeyConstraint("id", name="pk_volumes"),
        sa.UniqueConstraint("name", name="uq_volumes_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "models",
        *col.stamped(),
        col.text("name", 256),
        col.text("bio", 1024),
        col.text("volume", 64),
        col.big("user_id", nullable=True),
        col.number("keep_versions"),
        col.number("keep_days"),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("name", name="uq_models_name"),
        **col.OPTIONS,
    )


def _versions() -> None:
    op.create_table(
        "model_versions",
        *col.stamped(),
        col.big("model_id"),
        col.text("revision", 64),
        col.text("state", 16),
        col.number("files"),
        _sum("size_bytes"),
        _long("note"),
        col.big("user_id", nullable=True),
        col.text("uploader", 256),
        col.moment("ready_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
        sa.UniqueConstraint("model_id", "revision", name="uq_model_versions_model_id_revision"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        **col.OPTIONS,
    )
    op.create_index("ix_model_versions_model_id", "model_versions", ["model_id"])
    op.create_table(
        "model_files",
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        _long("path"),
        _sum("size_bytes"),
        col.text("digest", 80),
        sa.PrimaryKeyConstraint("version_id", "no", name="pk_model_files"),
        sa.ForeignKeyConstraint(["version_id"], ["model_versions.id"], ondelete="CASCADE"),
        **col.OPTIONS,
    )
    op.create_index("ix_model_files_digest", "model_files", ["digest"])


def _tags() -> None:
    op.create_table(
        "model_tags",
        *col.stamped(),
        col.big("model_id"),
        col.text("name", 128),
        col.big("version_id", nullable=True),
        col.big("shown_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_model_tags"),
        sa.UniqueConstraint("model_id", "name", name="uq_model_tags_model_id_name"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        **col.OPTIONS,
    )
    op.create_index("ix_model_tags_version_id", "model_tags", ["version_id"])


def _replication() -> None:
    op.create_table(
        "replication_rules",
        *col.stamped(),
        col.text("name", 128),
        col.text("model_pattern", 256),
        col.text("tag_pattern", 128),
        col.text("target", 64),
        col.flag("enabled"),
        col.json("warm", nullable=True),
        col.big("user_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_replication_rules"),
        sa.UniqueConstraint("name", name="uq_replication_rules_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "replications",
        *col.stamped(),
        col.big("rule_id"),
        col.big("model_id"),
        col.text("tag", 128),
        col.big("version_id", nullable=True),
        col.big("job_id", nullable=True),
        col.text("state", 16),
        _long("error"),
        _sum("copied_bytes"),
        col.number("copied_files"),
        col.moment("done_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_replications"),
        sa.UniqueConstraint(
            "rule_id", "model_id", "tag", name="uq_replications_rule_id_model_id_tag"
        ),
        sa.ForeignKeyConstraint(["rule_id"], ["replication_rules.id"], ondelete="CASCADE"),
        **col.OPTIONS,
    )
    op.create_index("ix_replications_rule_id", "replications", ["rule_id"])
    op.create_index("ix_replications_job_id", "replications", ["job_id"])


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        *col.stamped(),
        col.text("name", 128),
        col.text("url", 1024),
        col.json("events"),
        col.flag("enabled"),
        _bytes("sealed", 4096),
        col.big("user_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("name", name="uq_webhooks_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "webhook_deliveries",
        *col.stamped(),
        col.big("webhook_id"),
        col.text("event_id", 64),
        col.text("event", 64),
        col.json("payload"),
        col.text("state", 16),
        col.number("attempts"),
        col.moment("next_at"),
        col.number("status"),
        col.text("error", 1024),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
        **col.OPTIONS,
    )
    op.create_index("ix_webhook_deliveries_webhook_id", "webhook_deliveries", ["webhook_id"])
    op.create_index(
        "ix_webhook_deliveries_state_next_at", "webhook_deliveries", ["state", "next_at"]
    )
