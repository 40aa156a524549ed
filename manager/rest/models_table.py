"""The rows of the table of routes that are about models and volumes."""

from __future__ import annotations

from manager.models.desk import Desk
from manager.rest.models import ModelRoutes, VolumeRoutes
from manager.rest.models_schema import (
    CommitWish,
    FileAnswer,
    ImportWish,
    ModelAnswer,
    ModelChange,
    ModelQuery,
    PushAnswer,
    PushWish,
    ReceivedAnswer,
    TagAnswer,
    TagWish,
    VersionAnswer,
    VersionChange,
    VolumeAnswer,
    VolumeWish,
)
from manager.rest.models_transfer import TransferRoutes
from manager.rest.routes import Query, Route

_READ, _WRITE = "models:read", "models:write"
_ALL = "/api/v1/models"
_ONE = "/api/v1/models/{org}/{name}"
_MAX_LIST_BYTES = 32 << 20
_SEVERAL = {400: "the beginning of several revisions"}


def routes(desk: Desk) -> tuple[Route, ...]:
    """All of them."""
    models, volumes, transfer = ModelRoutes(desk), VolumeRoutes(desk), TransferRoutes(desk)
    return (
        *_models(models),
        *_versions(models),
        *_pushes(models),
        *_tags(models),
        *_content(transfer),
        *_volumes(volumes),
    )


def _models(models: ModelRoutes) -> tuple[Route, ...]:
    found = list[ModelAnswer]
    return (
        Route("GET", _ALL, _READ, models.listed, "List models", query=ModelQuery, answer=found),
        Route("GET", _ONE, _READ, models.get, "Look at a model", answer=ModelAnswer),
        Route(
            "PATCH",
            _ONE,
            _WRITE,
            models.change,
            "Describe a model",
            body=ModelChange,
            answer=ModelAnswer,
        ),
        Route("DELETE", _ONE, _WRITE, models.remove, "Remove a model"),
    )


def _pushes(models: ModelRoutes) -> tuple[Route, ...]:
    return (
        Route(
            "POST",
            f"{_ONE}/versions",
            _WRITE,
            models.push,
            "Begin a version",
            body=PushWish,
            answer=PushAnswer,
            max_body_bytes=_MAX_LIST_BYTES,
        ),
        Route(
            "POST",
            f"{_ONE}/pushes/{{version_id}}/commit",
            _WRITE,
            models.commit,
            "Complete a version and tag it",
            body=CommitWish,
            answer=PushAnswer,
        ),
        Route(
            "POST",
            f"{_ONE}/import",
            _WRITE,
            models.take_in,
            "Make a version of a folder of the volume",
            body=ImportWish,
            answer=VersionAnswer,
        ),
    )


def _versions(models: ModelRoutes) -> tuple[Route, ...]:
    all_, one = f"{_ONE}/versions", f"{_ONE}/versions/{{ref}}"
    found, files = list[VersionAnswer], list[FileAnswer]
    return (
        Route("GET", all_, _READ, models.versions, "List versions", query=Query, answer=found),
        Route(
            "GET",
            one,
            _READ,
            models.version,
            "Look at a version",
            answer=VersionAnswer,
            refusals=_SEVERAL,
        ),
        Route(
            "PATCH",
            one,
            _WRITE,
            models.note,
            "Note something on a version",
            body=VersionChange,
            answer=VersionAnswer,
        ),
        Route("DELETE", one, _WRITE, models.remove_version, "Remove a version"),
        Route(
            "GET",
            f"{one}/files",
            _READ,
            models.files,
            "Files of a version",
            query=Query,
            answer=files,
        ),
    )


def _tags(models: ModelRoutes) -> tuple[Route, ...]:
    one = f"{_ONE}/tags/{{tag}}"
    return (
        Route("GET", f"{_ONE}/tags", _READ, models.tags, "List tags", answer=list[TagAnswer]),
        Route("PUT", one, _WRITE, models.tag, "Move a tag", body=TagWish, answer=TagAnswer),
        Route("DELETE", one, _WRITE, models.untag, "Remove a tag"),
    )


def _content(transfer: TransferRoutes) -> tuple[Route, ...]:
    upload = f"{_ONE}/pushes/{{version_id}}/{{digest}}"
    return (
        Route(
            "GET",
            upload,
            _WRITE,
            transfer.received,
            "How much of a content has arrived",
            answer=ReceivedAnswer,
            refusals={400: "the version is complete"},
        ),
        Route(
            "PUT",
            upload,
            _WRITE,
            transfer.upload,
            "Upload a content, from an offset on",
            answer=ReceivedAnswer,
            formless=True,
            audited=False,
        ),
        Route(
            "GET",
            f"{_ONE}/content/{{digest}}",
            _READ,
            transfer.content,
            "Download a content",
            refusals={416: "no byte of the range exists"},
        ),
    )


def _volumes(volumes: VolumeRoutes) -> tuple[Route, ...]:
    one = "/api/v1/volumes/{name}"
    return (
        Route(
            "GET",
            "/api/v1/volumes",
            _READ,
            volumes.listed,
            "List volumes",
            answer=list[VolumeAnswer],
        ),
        Route(
            "PUT",
            one,
            "secrets:write",
            volumes.put,
            "Make a volume known",
            body=VolumeWish,
            answer=VolumeAnswer,
        ),
        Route("DELETE", one, "secrets:write", volumes.remove, "Forget a volume"),
    )
