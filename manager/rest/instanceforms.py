"""Bodies, answers and filters of schedulers, seeds, peers, and the two kinds of clusters apart."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from manager.rest.routes import MAX_ID, Answer, Query, Wish
from manager.rest.settings import (
    ClientSettings,
    Place,
    SchedulerSettings,
    ScopeSettings,
    SeedClientSettings,
    SeedSettings,
    Word,
)

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Ip = Annotated[str, Field(min_length=2, max_length=64)]
HostName = Annotated[str, Field(min_length=1, max_length=253)]
Title = Annotated[str, Field(min_length=1, max_length=256)]
Features = Annotated[list[Word], Field(max_length=20)]
FEATURES = ["schedule", "preheat"]


class InstanceQuery(Query):
    """Filters that all instances have."""

    host_name: str | None = None
    ip: str | None = None
    idc: str | None = None
    location: str | None = None
    state: Literal["active", "inactive"] | None = None


class InstanceAnswer(Answer):
    """What all instances tell."""

    id: int
    host_name: str
    ip: str
    port: int
    idc: str
    location: str
    state: str
    last_keep_alive_at: datetime
    created_at: datetime
    updated_at: datetime


class NewScheduler(Wish):
    """A scheduler that is entered by hand; those that register do it themselves."""

    host_name: HostName
    ip: Ip
    port: PortNumber
    idc: Place = ""
    location: Place = ""
    features: Features = Field(default_factory=lambda: list(FEATURES))
    scheduler_cluster_id: Id


class SchedulerPatch(Wish):
    """What of a scheduler is to change."""

    ip: Ip | None = None
    port: PortNumber | None = None
    idc: Place | None = None
    location: Place | None = None
    features: Features | None = None
    scheduler_cluster_id: Id | None = None


class SchedulerQuery(InstanceQuery):
    """Which schedulers."""

    scheduler_cluster_id: int | None = None


class SchedulerAnswer(InstanceAnswer):
    """A scheduler."""

    features: list[str]
    scheduler_cluster_id: int


class NewSeedPeer(Wish):
    """A seed that is entered by hand."""

    host_name: HostName
    type: Literal["super"] = "super"
    ip: Ip
    port: PortNumber
    download_port: PortNumber
    object_storage_port: Annotated[int, Field(ge=0, le=65535)] = 0
    idc: Place = ""
    location: Place = ""
    seed_peer_cluster_id: Id


class SeedPeerPatch(Wish):
    """What of a seed is to change."""

    type: Literal["super"] | None = None
    ip: Ip | None = None
    port: PortNumber | None = None
    download_port: PortNumber | None = None
    object_storage_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    idc: Place | None = None
    location: Place | None = None
    seed_peer_cluster_id: Id | None = None


class SeedPeerQuery(InstanceQuery):
    """Which seeds."""

    type: Literal["super"] | None = None
    port: int | None = None
    download_port: int | None = None
    seed_peer_cluster_id: int | None = None


class SeedPeerAnswer(InstanceAnswer):
    """A seed."""

    type: str
    download_port: int
    object_storage_port: int
    seed_peer_cluster_id: int


class NewPeer(Wish):
    """A node that is entered by hand."""

    host_name: HostName
    type: Word = "normal"
    ip: Ip
    port: PortNumber
    download_port: PortNumber
    proxy_port: Annotated[int, Field(ge=0, le=65535)] = 0
    idc: Place = ""
    location: Place = ""
    os: Word = ""
    platform: Word = ""
    git_version: Word = ""
    scheduler_cluster_id: Id


class PeerQuery(InstanceQuery):
    """Which nodes."""

    type: str | None = None
    port: int | None = None
    download_port: int | None = None
    proxy_port: int | None = None
    os: str | None = None
    platform: str | None = None
    git_version: str | None = None
    scheduler_cluster_id: int | None = None


class PeerAnswer(InstanceAnswer):
    """A node."""

    type: str
    download_port: int
    proxy_port: int
    object_storage_port: int
    os: str
    platform: str
    platform_family: str
    platform_version: str
    kernel_version: str
    git_version: str
    git_commit: str
    build_platform: str
    scheduler_cluster_id: int


class ByName(Query):
    """Which clusters."""

    name: str | None = None


class NewSchedulerCluster(Wish):
    """A scheduler cluster without seeds, or with those of a cluster that there is."""

    name: Title
    bio: Annotated[str, Field(max_length=1024)] = ""
    config: SchedulerSettings = Field(default_factory=SchedulerSettings)
    client_config: ClientSettings = Field(default_factory=ClientSettings)
    seed_client_config: SeedClientSettings = Field(default_factory=SeedClientSettings)
    scopes: ScopeSettings = Field(default_factory=ScopeSettings)
    is_default: bool = False
    seed_peer_cluster_id: Id | None = None


class SchedulerClusterPatch(Wish):
    """What of a scheduler cluster is to change."""

    name: Title | None = None
    bio: Annotated[str, Field(max_length=1024)] | None = None
    config: SchedulerSettings | None = None
    client_config: ClientSettings | None = None
    seed_client_config: SeedClientSettings | None = None
    scopes: ScopeSettings | None = None
    is_default: bool | None = None
    seed_peer_cluster_id: Id | None = None


class SchedulerClusterAnswer(Answer):
    """A scheduler cluster."""

    id: int
    name: str
    bio: str
    config: dict[str, Any]
    client_config: dict[str, Any]
    seed_client_config: dict[str, Any]
    scopes: dict[str, Any]
    is_default: bool
    created_at: datetime
    updated_at: datetime


class NewSeedPeerCluster(Wish):
    """A cluster of seeds."""

    name: Title
    bio: Annotated[str, Field(max_length=1024)] = ""
    config: SeedSettings = Field(default_factory=SeedSettings)


class SeedPeerClusterPatch(Wish):
    """What of a cluster of seeds is to change."""

    name: Title | None = None
    bio: Annotated[str, Field(max_length=1024)] | None = None
    config: SeedSettings | None = None


class SeedPeerClusterAnswer(Answer):
    """A cluster of seeds."""

    id: int
    name: str
    bio: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
