"""Handlers of the model registry: models, versions, tags, and volumes."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from manager.auth.modelrights import Level, ModelRights
from manager.db import revisions
from manager.db.models import READY, Model, ModelFile, ModelTag, ModelVersion
from manager.models import registry, volumes
from manager.models.desk import Desk, Missing
from manager.models.names import FileEntry, folder_of
from manager.rest.models_name import name_of
from manager.rest.models_schema import (
    CommitWish,
    FileAnswer,
    ImportWish,
    ModelAnswer,
    ModelChange,
    ModelQuery,
    PushAnswer,
    PushWish,
    TagAnswer,
    TagWish,
    VersionAnswer,
    VersionChange,
    VolumeAnswer,
    VolumeWish,
)
from manager.rest.paging import page
from manager.rest.routes import Call, Page, Query


class ModelRoutes:
    """Handlers of models, versions and tags."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listed(self, call: Call) -> Page:
        """Models that the requester may see."""
        query = call.query_as(ModelQuery)
        statement = select(Model).order_by(Model.name)
        if query.search:
            statement = statement.where(Model.name.contains(query.search, autoescape=True))
        if query.volume:
            statement = statement.where(Model.volume == query.volume)

        def found(session: Session) -> Page:
            rights = ModelRights(session, call.principal)
            rows = [m for m in session.scalars(statement) if rights.level(m.name) is not None]
            shown = rows[query.offset : query.offset + query.per_page]
            return Page(_model_answers(session, shown, rights), len(rows))

        return await call.core.database.read(found)

    async def get(self, call: Call) -> ModelAnswer:
        """One model."""
        name = name_of(call)

        def found(session: Session) -> ModelAnswer:
            rights = ModelRights(session, call.principal)
            rights.must(name, Level.READ)
            return _model_answers(session, [registry.find_model(session, name)], rights)[0]

        return await call.core.database.read(found)

    async def change(self, call: Call) -> ModelAnswer:
        """Change a model's description or how long its versions are kept."""
        name, wish = name_of(call), call.body_as(ModelChange)

        def changed(session: Session) -> ModelAnswer:
            rights = ModelRights(session, call.principal)
            rights.must(name, Level.WRITE)
            model = registry.find_model(session, name)
            for key, value in wish.model_dump(exclude_none=True).items():
                setattr(model, key, value)
            revisions.bump(session, registry.TOPIC)
            return _model_answers(session, [model], rights)[0]

        return await call.core.database.run(changed)

    async def remove(self, call: Call) -> None:
        """Remove a model with all its versions."""
        await self._desk.remove_model(name_of(call), call.principal)

    async def versions(self, call: Call) -> Page:
        """Versions, the newest first."""
        name, query = name_of(call), call.query_as(Query)

        def found(session: Session) -> Page:
            ModelRights(session, call.principal).must(name, Level.READ)
            model = registry.find_model(session, name)
            statement = (
                select(ModelVersion)
                .where(ModelVersion.model_id == model.id)
                .order_by(ModelVersion.id.desc())
            )
            return page(session, statement, query, lambda v: _version_answer(session, v))

        return await call.core.database.read(found)

    async def version(self, call: Call) -> VersionAnswer:
        """The version that a tag or revision names."""
        name, ref = name_of(call), call.text("ref")

        def found(session: Session) -> VersionAnswer:
            ModelRights(session, call.principal).must(name, Level.READ)
            model = registry.find_model(session, name)
            return _version_answer(session, registry.resolve(session, model, ref))

        return await call.core.database.read(found)

    async def note(self, call: Call) -> VersionAnswer:
        """Change the note of a version."""
        name, ref, wish = name_of(call), call.text("ref"), call.body_as(VersionChange)

        def changed(session: Session) -> VersionAnswer:
            ModelRights(session, call.principal).must(name, Level.WRITE)
            version = registry.resolve(session, registry.find_model(session, name), ref)
            version.note = wish.note
            return _version_answer(session, version)

        return await call.core.database.run(changed)

    async def files(self, call: Call) -> Page:
        """Files of a version."""
        name, ref, query = name_of(call), call.text("ref"), call.query_as(Query)

        def found(session: Session) -> Page:
            ModelRights(session, call.principal).must(name, Level.READ)
            version = registry.resolve(session, registry.find_model(session, name), ref)
            statement = (
                select(ModelFile).where(ModelFile.version_id == version.id).order_by(ModelFile.no)
            )
            return page(session, statement, query, FileAnswer.model_validate)

        return await call.core.database.read(found)

    async def remove_version(self, call: Call) -> None:
        """Remove a version that no tag leads to."""
        await self._desk.remove_version(name_of(call), call.text("ref"), call.principal)

    async def push(self, call: Call) -> PushAnswer:
        """Begin a version: says which contents its volume lacks."""
        wish = call.body_as(PushWish)
        files = [FileEntry(file.path, file.size_bytes, file.digest) for file in wish.files]
        number, revision, ready, missing = await self._desk.begin(
            name_of(call), files, call.principal, note=wish.note, volume=wish.volume
        )
        return PushAnswer(version_id=number, revision=revision, ready=ready, missing=missing)

    async def commit(self, call: Call) -> PushAnswer:
        """Complete a version and tag it. What is still missing is told, and nothing is tagged."""
        number, wish = call.number("version_id"), call.body_as(CommitWish)
        try:
            revision = await self._desk.commit(name_of(call), number, call.principal, wish.tags)
        except Missing as error:
            return PushAnswer(version_id=number, revision="", ready=False, missing=error.digests)
        return PushAnswer(version_id=number, revision=revision, ready=True, missing=[])

    async def take_in(self, call: Call) -> VersionAnswer:
        """Make a version of a folder that S3 clients, or a mount, put into the volume."""
        name, wish = name_of(call), call.body_as(ImportWish)
        revision = await self._desk.take_in(
            name,
            wish.path,
            call.principal,
            note=wish.note,
            volume=wish.volume,
            tags=wish.tags,
        )

        def found(session: Session) -> VersionAnswer:
            model = registry.find_model(session, name)
            return _version_answer(session, registry.resolve(session, model, revision))

        return await call.core.database.read(found)

    async def tags(self, call: Call) -> list[TagAnswer]:
        """Tags by name."""
        name = name_of(call)

        def found(session: Session) -> list[TagAnswer]:
            ModelRights(session, call.principal).must(name, Level.READ)
            model = registry.find_model(session, name)
            query = (
                select(ModelTag, ModelVersion)
                .join(ModelVersion, ModelVersion.id == ModelTag.version_id)
                .where(ModelTag.model_id == model.id)
                .order_by(ModelTag.name)
            )
            return [_tag_answer(row[0], row[1]) for row in session.execute(query)]

        return await call.core.database.read(found)

    async def tag(self, call: Call) -> TagAnswer:
        """Move a tag: readers of the volume see the old tree or the new one."""
        name, tag, wish = name_of(call), call.text("tag"), call.body_as(TagWish)
        await self._desk.tag(name, tag, wish.version, call.principal)

        def found(session: Session) -> TagAnswer:
            model = registry.find_model(session, name)
            query = select(ModelTag).where(ModelTag.model_id == model.id, ModelTag.name == tag)
            row = session.scalars(query).one()
            return _tag_answer(row, session.get_one(ModelVersion, row.version_id))

        return await call.core.database.read(found)

    async def untag(self, call: Call) -> None:
        """Remove a tag; its version stays."""
        await self._desk.tag(name_of(call), call.text("tag"), None, call.principal)


class VolumeRoutes:
    """Handlers of volumes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listed(self, call: Call) -> list[VolumeAnswer]:
        """Volumes by name."""

        def found(session: Session) -> list[VolumeAnswer]:
            return [VolumeAnswer.model_validate(row) for row in volumes.listed(session)]

        return await call.core.database.read(found)

    async def put(self, call: Call) -> VolumeAnswer:
        """Make a volume known; it is opened to see that it is one."""
        name, wish = call.text("name"), call.body_as(VolumeWish)
        row = await self._desk.on_shelf(
            name,
            lambda: self._desk.volumes.put(
                name, wish.meta_url_secret, wish.passphrase, bio=wish.bio
            ),
        )
        return VolumeAnswer.model_validate(row)

    async def remove(self, call: Call) -> None:
        """Forget a volume; nothing in it changes."""
        name = call.text("name")
        await call.core.database.run(lambda s: volumes.remove(s, name))


def _model_answers(session: Session, models: list[Model], rights: ModelRights) -> list[ModelAnswer]:
    ids = [model.id for model in models]
    counts = registry.count(session, ids)
    tags: dict[int, list[str]] = {}
    for tag in session.scalars(
        select(ModelTag).where(ModelTag.model_id.in_(ids)).order_by(ModelTag.name)
    ):
        tags.setdefault(tag.model_id, []).append(tag.name)
    return [
        ModelAnswer(
            name=model.name,
            bio=model.bio,
            volume=model.volume,
            path=folder_of(model.name),
            versions=counts.get(model.id, (0, 0))[0],
            size_bytes=counts.get(model.id, (0, 0))[1],
            tags=tags.get(model.id, []),
            keep_versions=model.keep_versions,
            keep_days=model.keep_days,
            level=str(rights.level(model.name) or ""),
            created_at=model.created_at,
            updated_at=model.updated_at,
        )
        for model in models
    ]


def _version_answer(session: Session, version: ModelVersion) -> VersionAnswer:
    return VersionAnswer(
        id=version.id,
        revision=version.revision,
        state=version.state,
        files=version.files,
        size_bytes=version.size_bytes,
        note=version.note,
        uploader=version.uploader,
        tags=registry.tags_of(session, [version.id]).get(version.id, []),
        created_at=version.created_at,
        ready_at=version.ready_at if version.state == READY else None,
    )


def _tag_answer(tag: ModelTag, version: ModelVersion) -> TagAnswer:
    return TagAnswer(
        name=tag.name,
        revision=version.revision,
        moving=tag.version_id != tag.shown_id,
        updated_at=tag.updated_at,
    )
