"""What a cluster's settings look like: Dragonfly's keys, and the limits that only our nodes know.

Nodes and schedulers take them from here within seconds (``dfinfra.managerlink``).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

BIGGEST_RATE = 1 << 50


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        raise ValueError("is not a regular expression") from None
    return text


def _cidr(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is not a network such as 10.0.0.0/8") from None
    return text


Pattern = Annotated[str, Field(max_length=512), AfterValidator(_pattern)]
Cidr = Annotated[str, Field(max_length=64), AfterValidator(_cidr)]
Word = Annotated[str, Field(max_length=256)]
Place = Annotated[str, Field(max_length=1024)]
Rate = Annotated[int, Field(ge=0, le=BIGGEST_RATE)]
Words = Annotated[list[Word], Field(max_length=1000)]
Patterns = Annotated[list[Pattern], Field(max_length=1000)]


class Settings(BaseModel):
    """The base: keys that are not known here are kept as they are, for nodes that know them."""

    model_config = ConfigDict(strict=True, extra="ignore")


class DownloadBlockList(Settings):
    """Downloads that are refused: one match is enough. ``urls`` are regular expressions."""

    applications: Words | None = None
    urls: Patterns | None = None
    tags: Words | None = None
    priorities: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7)] | None = (
        None
    )


class UploadBlockList(Settings):
    """Uploads that are refused."""

    applications: Words | None = None
    urls: Patterns | None = None
    tags: Words | None = None


class TaskBlockList(Settings):
    """Of standard tasks."""

    download: DownloadBlockList | None = None


class PersistentBlockList(Settings):
    """Of persistent and persistent cache tasks."""

    download: DownloadBlockList | None = None
    upload: UploadBlockList | None = None


class BlockList(Settings):
    """What nodes refuse."""

    task: TaskBlockList | None = None
    persistent_task: PersistentBlockList | None = None
    persistent_cache_task: PersistentBlockList | None = None


class SchedulerSettings(Settings):
    """Of the schedulers of a cluster."""

    candidate_parent_limit: Annotated[int, Field(ge=1, le=20)] | None = None
    filter_parent_limit: Annotated[int, Field(ge=10, le=1000)] | None = None
    job_rate_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    origin_hosts_per_task: Annotated[int, Field(ge=1, le=1000)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> SchedulerSettings:
        candidates, looked_at = self.candidate_parent_limit, self.filter_parent_limit
        if candidates and looked_at and candidates > looked_at:
            raise ValueError("candidate_parent_limit must not be above filter_parent_limit")
        return self


class Limits(Settings):
    """Of nodes: bytes per second, 0 for none. A node's own configuration may be stricter."""

    download_rate_limit: Rate | None = None
    origin_rate_limit: Rate | None = None
    task_rate_limit: Rate | None = None
    upload_rate_limit: Rate | None = None


class ClientSettings(Limits):
    """Of the nodes of a cluster."""

    load_limit: Annotated[int, Field(ge=1, le=2000)] | None = None
    block_list: BlockList | None = None


class SeedClientSettings(Limits):
    """Of the seeds, as the nodes that they are."""

    block_list: BlockList | None = None


class SeedSettings(SeedClientSettings):
    """Of a cluster of seeds."""

    load_limit: Annotated[int, Field(ge=1, le=50_000)] | None = None


class ScopeSettings(Settings):
    """Which hosts a cluster is meant for; ``location`` is ``area|country|city``."""

    idc: Place | None = None
    location: Place | None = None
    cidrs: Annotated[list[Cidr], Field(max_length=1000)] | None = None
    hostnames: Annotated[list[Pattern], Field(max_length=100)] | None = None


def stored(settings: BaseModel | None) -> dict[str, object]:
    """As the database keeps them: what was not said is not there."""
    return {} if settings is None else settings.model_dump(mode="json", exclude_none=True)
