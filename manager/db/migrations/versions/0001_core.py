"""The core: clusters, instances, users, sessions, tokens, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from manager.db.migrations import columns as col

revision = "0001_core"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision, from an empty database."""
    _people()
    _access()
    _records()
    _swarm()
    _clusters()
    _instances()
    _peers()


def _people() -> None:
    op.create_table(
        "users",
        *col.stamped(),
        col.text("name", 256),
        col.text("email", 256),
        col.text("password_hash", 1024),
        col.text("state", 16),
        col.json("roles"),
        col.text("phone", 256),
        col.text("avatar", 256),
        col.text("location", 256),
        col.text("bio", 1024),
        col.text("provider", 64),
        col.text("subject", 320, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.UniqueConstraint("subject", name="uq_users_subject"),
        **col.OPTIONS,
    )
    op.create_table(
        "roles",
        *col.stamped(),
        col.text("name", 64),
        col.json("permissions"),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("name", name="uq_roles_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "teams",
        *col.stamped(),
        col.text("name", 256),
        col.text("bio", 1024),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("name", name="uq_teams_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "team_members",
        col.big("team_id"),
        col.big("user_id"),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name="fk_team_members_team_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_team_members_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", "user_id", name="pk_team_members"),
        **col.OPTIONS,
    )
    op.create_index("ix_team_members_user_id", "team_members", ["user_id"])


def _access() -> None:
    op.create_table(
        "model_grants",
        *col.stamped(),
        col.big("team_id"),
        col.text("pattern", 256),
        col.text("level", 16),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name="fk_model_grants_team_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_model_grants"),
        sa.UniqueConstraint("team_id", "pattern", name="uq_model_grants_team_id_pattern"),
        **col.OPTIONS,
    )
    op.create_index("ix_model_grants_team_id", "model_grants", ["team_id"])
    op.create_table(
        "sessions",
        col.text("token_hash", 64),
        col.big("user_id"),
        col.moment("created_at"),
        col.moment("seen_at"),
        col.moment("expires_at"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sessions"),
        **col.OPTIONS,
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "personal_access_tokens",
        *col.stamped(),
        col.text("name", 256),
        col.text("bio", 1024),
        col.text("token_hash", 64),
        col.json("scopes"),
        col.text("state", 16),
        col.moment("expired_at"),
        col.moment("last_used_at", nullable=True),
        col.big("user_id"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_personal_access_tokens_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_personal_access_tokens"),
        sa.UniqueConstraint("name", name="uq_personal_access_tokens_name"),
        sa.UniqueConstraint("token_hash", name="uq_personal_access_tokens_token_hash"),
        **col.OPTIONS,
    )
    op.create_index("ix_personal_access_tokens_user_id", "personal_access_tokens", ["user_id"])
    op.create_table(
        "sign_in_failures",
        col.text("key", 400),
        col.number("count"),
        col.moment("last_at"),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_failures"),
        **col.OPTIONS,
    )


def _records() -> None:
    op.create_table(
        "audits",
        *col.stamped(),
        col.text("actor_type", 32),
        col.text("actor_name", 256),
        col.text("event_type", 32),
        col.text("operation", 256),
        col.moment("operated_at"),
        col.text("state", 16),
        col.text("path", 1024),
        col.number("status_code"),
        col.json("detail"),
        sa.PrimaryKeyConstraint("id", name="pk_audits"),
        **col.OPTIONS,
    )
    op.create_index("ix_audits_operated_at", "audits", ["operated_at"])
    op.create_table(
        "configs",
        *col.stamped(),
        col.text("name", 256),
        col.text("value", 1024),
        col.text("bio", 1024),
        col.big("user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_configs"),
        sa.UniqueConstraint("name", name="uq_configs_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "revisions",
        col.text("topic", 64),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_revisions"),
        **col.OPTIONS,
    )


def _swarm() -> None:
    op.create_table(
        "cluster_changes",
        *col.stamped(),
        col.big("cluster_id"),
        col.text("cluster_name", 256),
        col.text("actor", 256),
        col.text("action", 16),
        col.json("before"),
        col.json("after"),
        sa.PrimaryKeyConstraint("id", name="pk_cluster_changes"),
        **col.OPTIONS,
    )
    op.create_index("ix_cluster_changes_cluster_id", "cluster_changes", ["cluster_id"])
    op.create_table(
        "applications",
        *col.stamped(),
        col.text("name", 256),
        col.text("url", 1024),
        col.text("bio", 1024),
        col.json("priority"),
        col.big("user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        sa.UniqueConstraint("name", name="uq_applications_name"),
        **col.OPTIONS,
    )


def _clusters() -> None:
    op.create_table(
        "scheduler_clusters",
        *col.stamped(),
        col.text("name", 256),
        col.text("bio", 1024),
        col.json("config"),
        col.json("client_config"),
        col.json("seed_client_config"),
        col.json("scopes"),
        col.flag("is_default"),
        sa.PrimaryKeyConstraint("id", name="pk_scheduler_clusters"),
        sa.UniqueConstraint("name", name="uq_scheduler_clusters_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "seed_peer_clusters",
        *col.stamped(),
        col.text("name", 256),
        col.text("bio", 1024),
        col.json("config"),
        sa.PrimaryKeyConstraint("id", name="pk_seed_peer_clusters"),
        sa.UniqueConstraint("name", name="uq_seed_peer_clusters_name"),
        **col.OPTIONS,
    )
    op.create_table(
        "seed_peer_cluster_scheduler_cluster",
        col.big("seed_peer_cluster_id"),
        col.big("scheduler_cluster_id"),
        sa.ForeignKeyConstraint(
            ["scheduler_cluster_id"],
            ["scheduler_clusters.id"],
            name="fk_seed_peer_cluster_scheduler_cluster_scheduler_cluster_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["seed_peer_cluster_id"],
            ["seed_peer_clusters.id"],
            name="fk_seed_peer_cluster_scheduler_cluster_seed_peer_cluster_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "seed_peer_cluster_id",
            "scheduler_cluster_id",
            name="pk_seed_peer_cluster_scheduler_cluster",
        ),
        **col.OPTIONS,
    )
    op.create_index(
        "ix_seed_peer_cluster_scheduler_cluster_scheduler_cluster_id",
        "seed_peer_cluster_scheduler_cluster",
        ["scheduler_cluster_id"],
    )


def _instances() -> None:
    op.create_table(
        "schedulers",
        *col.stamped(),
        col.json("config"),
        col.json("features"),
        col.big("scheduler_cluster_id"),
        col.text("host_name", 256),
        col.text("ip", 64),
        col.number("port"),
        col.text("idc", 1024),
        col.text("location", 1024),
        col.text("state", 16),
        col.moment("last_keep_alive_at"),
        sa.ForeignKeyConstraint(
            ["scheduler_cluster_id"],
            ["scheduler_clusters.id"],
            name="fk_schedulers_scheduler_cluster_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_schedulers"),
        sa.UniqueConstraint(
            "host_name",
            "ip",
            "scheduler_cluster_id",
            name="uq_schedulers_host_name_ip_scheduler_cluster_id",
        ),
        **col.OPTIONS,
    )
    op.create_index("ix_schedulers_scheduler_cluster_id", "schedulers", ["scheduler_cluster_id"])
    op.create_table(
        "seed_peers",
        *col.stamped(),
        col.text("type", 32),
        col.number("download_port"),
        col.number("object_storage_port"),
        col.big("seed_peer_cluster_id"),
        col.text("host_name", 256),
        col.text("ip", 64),
        col.number("port"),
        col.text("idc", 1024),
        col.text("location", 1024),
        col.text("state", 16),
        col.moment("last_keep_alive_at"),
        sa.ForeignKeyConstraint(
            ["seed_peer_cluster_id"],
            ["seed_peer_clusters.id"],
            name="fk_seed_peers_seed_peer_cluster_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_seed_peers"),
        sa.UniqueConstraint(
            "host_name",
            "ip",
            "seed_peer_cluster_id",
            name="uq_seed_peers_host_name_ip_seed_peer_cluster_id",
        ),
        **col.OPTIONS,
    )
    op.create_index("ix_seed_peers_seed_peer_cluster_id", "seed_peers", ["seed_peer_cluster_id"])


def _peers() -> None:
    op.create_table(
        "peers",
        *col.stamped(),
        col.text("type", 32),
        col.number("download_port"),
        col.number("proxy_port"),
        col.number("object_storage_port"),
        col.text("os", 256),
        col.text("platform", 256),
        col.text("platform_family", 256),
        col.text("platform_version", 256),
        col.text("kernel_version", 256),
        col.text("git_version", 256),
        col.text("git_commit", 256),
        col.text("build_platform", 256),
        col.big("scheduler_cluster_id"),
        col.text("host_name", 256),
        col.text("ip", 64),
        col.number("port"),
        col.text("idc", 1024),
        col.text("location", 1024),
        col.text("state", 16),
        col.moment("last_keep_alive_at"),
        sa.ForeignKeyConstraint(
            ["scheduler_cluster_id"],
            ["scheduler_clusters.id"],
            name="fk_peers_scheduler_cluster_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_peers"),
        sa.UniqueConstraint(
            "host_name",
            "ip",
            "scheduler_cluster_id",
            name="uq_peers_host_name_ip_scheduler_cluster_id",
        ),
        **col.OPTIONS,
    )
    op.create_index("ix_peers_scheduler_cluster_id", "peers", ["scheduler_cluster_id"])
    op.create_index("ix_peers_state_last_keep_alive_at", "peers", ["state", "last_keep_alive_at"])
