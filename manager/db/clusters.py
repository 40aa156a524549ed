"""Tables of the swarm: clusters, who belongs to them, applications, and the history of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from manager.db.base import TABLE_OPTIONS, Base, BigId, Name, Stamped, Text1K, now

ACTIVE, INACTIVE = "active", "inactive"


class SchedulerCluster(Stamped, Base):
    """Schedulers, and the settings of all who ask them."""

    __tablename__ = "scheduler_clusters"

    name: Mapped[str] = mapped_column(Name, unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    client_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seed_client_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    scopes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_default: Mapped[bool] = mapped_column(default=False)


class SeedPeerCluster(Stamped, Base):
    """Seeds, and their settings."""

    __tablename__ = "seed_peer_clusters"

    name: Mapped[str] = mapped_column(Name, unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ClusterLink(Base):
    """Which seeds serve which schedulers."""

    __tablename__ = "seed_peer_cluster_scheduler_cluster"

    seed_peer_cluster_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("seed_peer_clusters.id", ondelete="CASCADE"), primary_key=True
    )
    scheduler_cluster_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("scheduler_clusters.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class _Instance(Stamped):
    """What schedulers, seeds and peers have in common."""

    host_name: Mapped[str] = mapped_column(Name)
    ip: Mapped[str] = mapped_column(String(64))
    port: Mapped[int]
    idc: Mapped[str] = mapped_column(Text1K, default="")
    location: Mapped[str] = mapped_column(Text1K, default="")
    state: Mapped[str] = mapped_column(String(16), default=INACTIVE)
    last_keep_alive_at: Mapped[datetime] = mapped_column(default=now)


class Scheduler(_Instance, Base):
    """A scheduler that has registered."""

    __tablename__ = "schedulers"
    __table_args__ = (
        UniqueConstraint("host_name", "ip", "scheduler_cluster_id"),
        TABLE_OPTIONS,
    )

    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    features: Mapped[list[str]] = mapped_column(default=list)
    scheduler_cluster_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("scheduler_clusters.id"), index=True
    )


class SeedPeer(_Instance, Base):
    """A seed that has registered."""

    __tablename__ = "seed_peers"
    __table_args__ = (UniqueConstraint("host_name", "ip", "seed_peer_cluster_id"), TABLE_OPTIONS)

    type: Mapped[str] = mapped_column(String(32), default="super")
    download_port: Mapped[int] = mapped_column(default=0)
    object_storage_port: Mapped[int] = mapped_column(default=0)
    seed_peer_cluster_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("seed_peer_clusters.id"), index=True
    )


class Peer(_Instance, Base):
    """A node that watches its configuration, or that a scheduler told of."""

    __tablename__ = "peers"
    __table_args__ = (
        UniqueConstraint("host_name", "ip", "scheduler_cluster_id"),
        Index("ix_peers_state_last_keep_alive_at", "state", "last_keep_alive_at"),
        TABLE_OPTIONS,
    )

    type: Mapped[str] = mapped_column(String(32), default="normal")
    download_port: Mapped[int] = mapped_column(default=0)
    proxy_port: Mapped[int] = mapped_column(default=0)
    object_storage_port: Mapped[int] = mapped_column(default=0)
    os: Mapped[str] = mapped_column(Name, default="")
    platform: Mapped[str] = mapped_column(Name, default="")
    platform_family: Mapped[str] = mapped_column(Name, default="")
    platform_version: Mapped[str] = mapped_column(Name, default="")
    kernel_version: Mapped[str] = mapped_column(Name, default="")
    git_version: Mapped[str] = mapped_column(Name, default="")
    git_commit: Mapped[str] = mapped_column(Name, default="")
    build_platform: Mapped[str] = mapped_column(Name, default="")
    scheduler_cluster_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("scheduler_clusters.id"), index=True
    )


class Application(Stamped, Base):
    """A kind of client, and the priority that its downloads have."""

    __tablename__ = "applications"

    name: Mapped[str] = mapped_column(Name, unique=True)
    url: Mapped[str] = mapped_column(Text1K)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    priority: Mapped[dict[str, Any]] = mapped_column(default=dict)
    user_id: Mapped[int] = mapped_column(BigId, default=0)


class ClusterChange(Stamped, Base):
    """One change of a cluster: what it was before and after, by whom. For history and undo."""

    __tablename__ = "cluster_changes"

    cluster_id: Mapped[int] = mapped_column(BigId, index=True)
    cluster_name: Mapped[str] = mapped_column(Name, default="")
    actor: Mapped[str] = mapped_column(Name, default="")
    action: Mapped[str] = mapped_column(String(16))
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
