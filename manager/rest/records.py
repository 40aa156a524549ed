"""Applications, settings and the audit: things that are one row each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from manager.db.clusters import Application
from manager.db.users import Audit, Setting
from manager.rest.resource import Resource
from manager.rest.routes import MAX_ID, Answer, Query, Route, Wish
from manager.rest.settings import Pattern, Settings

Title = Annotated[str, Field(min_length=1, max_length=256)]
Text = Annotated[str, Field(min_length=1, max_length=1024)]
Bio = Annotated[str, Field(max_length=1024)]
Level = Annotated[int, Field(ge=0, le=20)]
UserId = Annotated[int, Field(ge=0, le=MAX_ID)]


class UrlPriority(Settings):
    """The priority of downloads whose URL matches."""

    regex: Pattern
    value: Level


class Priority(Settings):
    """The priority of an application's downloads: 0 is none of its own, 1 to 6 as in Dragonfly."""

    value: Level
    urls: Annotated[list[UrlPriority], Field(max_length=100)] | None = None


class NewApplication(Wish):
    """An application."""

    name: Title
    url: Text
    bio: Bio = ""
    priority: Priority
    user_id: UserId = 0


class ApplicationPatch(Wish):
    """What of an application is to change."""

    name: Title | None = None
    url: Text | None = None
    bio: Bio | None = None
    priority: Priority | None = None
    user_id: UserId | None = None


class ApplicationAnswer(Answer):
    """An application."""

    id: int
    name: str
    url: str
    bio: str
    priority: dict[str, Any]
    user_id: int
    created_at: datetime
    updated_at: datetime


class NewSetting(Wish):
    """A named value."""

    name: Title
    value: Text
    bio: Bio = ""
    user_id: UserId = 0


class SettingPatch(Wish):
    """What of it is to change."""

    name: Title | None = None
    value: Text | None = None
    bio: Bio | None = None
    user_id: UserId | None = None


class SettingAnswer(Answer):
    """A named value."""

    id: int
    name: str
    value: str
    bio: str
    user_id: int
    created_at: datetime
    updated_at: datetime


class AuditAnswer(Answer):
    """One change or attempt."""

    id: int
    actor_type: str
    actor_name: str
    event_type: str
    operation: str
    operated_at: datetime
    state: str
    path: str
    status_code: int
    detail: dict[str, Any]


class ByName(Query):
    """Filter."""

    name: str | None = None


class SettingQuery(ByName):
    """Which settings."""

    value: str | None = None
    user_id: int | None = None


class AuditQuery(Query):
    """Which entries."""

    actor_type: Literal["UNKNOWN", "USER", "PAT", "SYSTEM"] | None = None
    actor_name: str | None = None
    event_type: Literal["API"] | None = None
    operation: str | None = None
    state: Literal["SUCCESS", "FAILURE"] | None = None
    path: str | None = None
    status_code: int | None = None


APPLICATIONS = Resource(
    "/api/v1/applications",
    "application",
    Application,
    ApplicationAnswer,
    NewApplication,
    ApplicationPatch,
    ByName,
    "applications",
)
SETTINGS = Resource(
    "/api/v1/configs",
    "config",
    Setting,
    SettingAnswer,
    NewSetting,
    SettingPatch,
    SettingQuery,
    "configs",
)
AUDITS = Resource(
    "/api/v1/audits",
    "audit entry",
    Audit,
    AuditAnswer,
    query=AuditQuery,
    deletable=False,
    latest_first=True,
)


def routes() -> tuple[Route, ...]:
    """The rows of the table."""
    return (*APPLICATIONS.routes(), *SETTINGS.routes(), *AUDITS.routes())
