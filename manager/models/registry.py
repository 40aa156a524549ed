"""Models, versions and tags in the database. Each function is the body of one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, NotFound
from manager.db import revisions
from manager.db.base import now
from manager.db.models import (
    READY,
    REMOVING,
    UPLOADING,
    Model,
    ModelFile,
    ModelTag,
    ModelVersion,
    VolumeRow,
)
from manager.models.names import FileEntry, is_revision, revision_of
from manager.webhooks import outbox

TOPIC = "models"
UPLOADS_KEPT = timedelta(days=2)
"""What was begun and not finished for so long is forgotten."""


def find_model(session: Session, name: str) -> Model:
    """The model. Raises NotFound."""
    model = session.scalar(select(Model).where(Model.name == name))
    if model is None:
        raise NotFound(f"there is no model {name}")
    return model


def make_model(session: Session, name: str, volume: str, user_id: int | None) -> Model:
    """The model, made if need be, in a volume or the only one there is."""
    model = session.scalar(select(Model).where(Model.name == name))
    if model is not None:
        if volume and volume != model.volume:
            raise BadInput(f"volume: model {name} is in volume {model.volume}")
        return model
    names = list(session.scalars(select(VolumeRow.name).order_by(VolumeRow.id)))
    if volume and volume not in names:
        raise NotFound(f"there is no volume {volume[:64]!r}")
    if not names:
        raise NotFound("no volume is known yet; PUT /api/v1/volumes/NAME makes one known")
    model = Model(name=name, volume=volume or names[0], user_id=user_id)
    session.add(model)
    session.flush()
    return model


def begin(
    session: Session,
    model: Model,
    files: Sequence[FileEntry],
    *,
    note: str,
    user_id: int | None,
    uploader: str,
) -> ModelVersion:
    """A version of these files: the one that is there, or a new one to be filled."""
    revision = revision_of(files)
    query = select(ModelVersion).where(
        ModelVersion.model_id == model.id, ModelVersion.revision == revision
    )
    version = session.scalar(query.with_for_update())
    if version is not None:
        if version.state == REMOVING:
            raise BadInput("this version is being removed: try again in a moment")
        return version
    version = ModelVersion(
        model_id=model.id,
        revision=revision,
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        note=note,
        user_id=user_id,
        uploader=uploader,
    )
    session.add(version)
    session.flush()
    rows = [
        {
            "version_id": version.id,
            "no": number,
            "path": file.path,
            "size_bytes": file.size_bytes,
            "digest": file.digest,
        }
        for number, file in enumerate(files)
    ]
    session.execute(insert(ModelFile), rows)
    revisions.bump(session, TOPIC)
    return version


def files_of(session: Session, version_id: int) -> list[FileEntry]:
    """The files of a version by their paths."""
    rows = session.scalars(
        select(ModelFile).where(ModelFile.version_id == version_id).order_by(ModelFile.no)
    )
    return [FileEntry(row.path, row.size_bytes, row.digest) for row in rows]


def version_of(session: Session, model: Model, version_id: int) -> ModelVersion:
    """A version of the model by its number. Raises NotFound."""
    version = session.get(ModelVersion, version_id)
    if version is None or version.model_id != model.id:
        raise NotFound(f"model {model.name} has no version {version_id}")
    return version


def resolve(session: Session, model: Model, ref: str) -> ModelVersion:
    """The version that a tag, or the beginning of a revision, names. Raises NotFound, BadInput."""
    of_tag = (
        select(ModelVersion)
        .join(ModelTag, ModelTag.version_id == ModelVersion.id)
        .where(ModelTag.model_id == model.id, ModelTag.name == ref)
    )
    version = session.scalar(of_tag)
    if version is not None:
        return version
    if is_revision(ref):
        query = select(ModelVersion).where(
            ModelVersion.model_id == model.id,
            ModelVersion.state == READY,
            ModelVersion.revision.startswith(ref, autoescape=True),
        )
        found = session.scalars(query.limit(2)).all()
        if len(found) > 1:
            raise BadInput(f"{ref} begins several revisions of {model.name}: give more of it")
        if found:
            return found[0]
    raise NotFound(f"model {model.name} has no tag or revision {ref[:128]}")


def ready(session: Session, version: ModelVersion) -> bool:
    """All of the version is in its volume. Whether that is news."""
    if version.state == READY:
        return False
    version.state, version.ready_at = READY, now()
    model = session.get_one(Model, version.model_id)
    outbox.emit(session, "model.version.created", told(session, model, version))
    revisions.bump(session, TOPIC)
    return True


def move_tag(session: Session, model: Model, tag: str, version: ModelVersion | None) -> ModelTag:
    """Say where a tag leads from now on; the volume's link follows (see ``show_tag``)."""
    row = session.scalar(
        select(ModelTag)
        .where(ModelTag.model_id == model.id, ModelTag.name == tag)
        .with_for_update()
    )
    if row is None:
        if version is None:
            raise NotFound(f"model {model.name} has no tag {tag}")
        row = ModelTag(model_id=model.id, name=tag)
        session.add(row)
    if version is not None and version.state != READY:
        raise BadInput("the version is not complete: upload what is missing and commit it")
    row.version_id = None if version is None else version.id
    session.flush()
    revisions.bump(session, TOPIC)
    return row


def unshown(session: Session) -> Sequence[int]:
    """Tags whose link in the volume is not where it should be."""
    query = select(ModelTag.id).where(
        ModelTag.version_id.is_distinct_from(ModelTag.shown_id) | ModelTag.version_id.is_(None)
    )
    return session.scalars(query.limit(1000)).all()


def told(
    session: Session, model: Model, version: ModelVersion | None, tag: str = ""
) -> dict[str, Any]:
    """A model and a version, as events tell them."""
    payload: dict[str, Any] = {"model": model.name, "volume": model.volume}
    if tag:
        payload["tag"] = tag
    if version is not None:
        payload |= {
            "revision": version.revision,
            "files": version.files,
            "size_bytes": version.size_bytes,
            "uploader": version.uploader,
            "note": version.note,
        }
    return payload


def tags_of(session: Session, version_ids: Iterable[int]) -> dict[int, list[str]]:
    """Names of the tags that lead to versions."""
    query = (
        select(ModelTag).where(ModelTag.version_id.in_(list(version_ids))).order_by(ModelTag.name)
    )
    found: dict[int, list[str]] = {}
    for row in session.scalars(query):
        found.setdefault(int(row.version_id or 0), []).append(row.name)
    return found


def retire(session: Session, version: ModelVersion) -> None:
    """Begin to remove a version that no tag leads to. Raises BadInput."""
    names = tags_of(session, [version.id]).get(version.id)
    if names:
        raise BadInput(f"the version is tagged {', '.join(names)}: remove or move the tags first")
    version.state = REMOVING
    revisions.bump(session, TOPIC)


def forget_version(session: Session, version: ModelVersion) -> None:
    """The version is gone from its volume."""
    model = session.get_one(Model, version.model_id)
    if version.ready_at is not None:
        outbox.emit(session, "model.version.deleted", told(session, model, version))
    session.execute(delete(ModelFile).where(ModelFile.version_id == version.id))
    session.delete(version)
    revisions.bump(session, TOPIC)


def forget_model(session: Session, model: Model) -> None:
    """The model is gone from its volume. Raises BadInput while it has versions or tags."""
    for table in (ModelVersion, ModelTag):
        if session.scalar(select(table.id).where(table.model_id == model.id).limit(1)):
            raise BadInput(f"model {model.name} has versions: remove them first")
    session.delete(model)
    revisions.bump(session, TOPIC)


def expired(session: Session, moment: datetime) -> list[int]:
    """Versions that retention lets go, uploads that nobody finished, removals that were broken off."""
    found = list(
        session.scalars(
            select(ModelVersion.id).where(
                (ModelVersion.state == REMOVING)
                | (
                    (ModelVersion.state == UPLOADING)
                    & (ModelVersion.updated_at < moment - UPLOADS_KEPT)
                )
            )
        )
    )
    limited = select(Model).where((Model.keep_versions > 0) | (Model.keep_days > 0))
    for model in session.scalars(limited).all():
        found += _beyond(session, model, moment)
    return list(dict.fromkeys(found))


def _beyond(session: Session, model: Model, moment: datetime) -> list[int]:
    tagged = exists().where(ModelTag.version_id == ModelVersion.id)
    query = (
        select(ModelVersion.id, ModelVersion.ready_at)
        .where(ModelVersion.model_id == model.id, ModelVersion.state == READY, ~tagged)
        .order_by(ModelVersion.ready_at.desc(), ModelVersion.id.desc())
    )
    rows = session.execute(query).all()
    old = {row[0] for row in rows[model.keep_versions :]} if model.keep_versions else set()
    if model.keep_days:
        edge = moment - timedelta(days=model.keep_days)
        old |= {row[0] for row in rows if row[1] is not None and row[1] < edge}
    return sorted(old)


def count(session: Session, model_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Ready versions and their bytes, by model."""
    query = (
        select(ModelVersion.model_id, func.count(), func.sum(ModelVersion.size_bytes))
        .where(ModelVersion.model_id.in_(model_ids), ModelVersion.state == READY)
        .group_by(ModelVersion.model_id)
    )
    return {row[0]: (row[1], int(row[2] or 0)) for row in session.execute(query)}
