"""The registry's work that needs both sides: the database says what shall be, a volume makes it so.

Each operation writes its intent first and may be done again by any replica after a crash (``keeper``).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, MeganeuraError, NotFound, Unavailable
from dfinfra.offload import Pool
from manager.auth.modelrights import Level, ModelRights
from manager.auth.principal import Principal
from manager.db.database import Database
from manager.db.models import READY, REMOVING, Model, ModelTag, ModelVersion
from manager.models import registry
from manager.models.names import FileEntry, check_files, check_import, check_tag
from manager.models.shelf import Shelf
from manager.models.volumes import Volumes
from manager.replication import rules
from manager.webhooks import outbox

THREADS = 8
_USERS_MISTAKES = (errno.EINVAL, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)

P = ParamSpec("P")
T = TypeVar("T")


class Missing(MeganeuraError):  # noqa: N818 - it says what happened
    """A version cannot be completed: these contents are not in its volume."""

    code = "missing"
    http_status = 409

    def __init__(self, digests: Sequence[str]) -> None:
        super().__init__(f"{len(digests)} contents are still to be uploaded")
        self.digests = list(digests)


class Desk:
    """Does the registry's operations. Callers are on the loop; volumes are used on threads."""

    def __init__(self, database: Database, volumes: Volumes) -> None:
        self.database = database
        self.volumes = volumes
        self.pool = Pool("volumes", THREADS)

    async def close(self) -> None:
        """Close volumes and threads."""
        try:
            await self.pool.run(self.volumes.close)
        finally:
            self.pool.close()

    async def on_shelf(
        self, volume: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do something that uses a volume, in a thread; its refusals become errors of ours."""

        def done() -> T:
            try:
                return work(*args, **kwargs)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    raise NotFound(f"volume {volume}: {error.strerror or error}") from error
                if error.errno in _USERS_MISTAKES:
                    raise BadInput(f"volume {volume}: {error.strerror or error}") from error
                raise Unavailable(f"volume {volume}: {error.strerror or error}") from error

        return await self.pool.run(done)

    def shelf(self, volume: str) -> Shelf:
        """The shelf of a volume. Blocking."""
        return Shelf(self.volumes.get(volume))

    async def begin(
        self,
        name: str,
        files: Sequence[FileEntry],
        who: Principal,
        *,
        note: str = "",
        volume: str = "",
    ) -> tuple[int, str, bool, list[str]]:
        """A version to be filled: number, revision, whether it is ready, contents to be uploaded."""
        files = check_files(files)

        def begun(session: Session) -> tuple[str, int, str, bool]:
            ModelRights(session, who).must(name, Level.WRITE)
            model = registry.make_model(session, name, volume, who.user_id)
            version = registry.begin(
                session, model, files, note=note, user_id=who.user_id, uploader=who.name
            )
            return model.volume, version.id, version.revision, version.state == READY

        where, number, revision, is_ready = await self.database.run(begun)
        if is_ready:
            return number, revision, True, []
        missing = await self.on_shelf(where, lambda: self.shelf(where).missing(files))
        return number, revision, False, missing

    async def commit(self, name: str, number: int, who: Principal, tags: Iterable[str]) -> str:
        """Complete a version and tag it; its revision. Raises Missing."""
        tags = [check_tag(tag) for tag in tags]

        def read(session: Session) -> tuple[str, str, bool, list[FileEntry]]:
            ModelRights(session, who).must(name, Level.WRITE)
            model = registry.find_model(session, name)
            version = registry.version_of(session, model, number)
            files = registry.files_of(session, number)
            return model.volume, version.revision, version.state == READY, files

        volume, revision, is_ready, files = await self.database.read(read)
        if not is_ready:
            missing = await self.on_shelf(
                volume, lambda: self.shelf(volume).build(name, revision, files)
            )
            if missing:
                raise Missing(missing)

        def completed(session: Session) -> list[int]:
            model = registry.find_model(session, name)
            version = registry.version_of(session, model, number)
            registry.ready(session, version)
            return [registry.move_tag(session, model, tag, version).id for tag in tags]

        moved = await self.database.run(completed)
        for tag_id in moved:
            await self.show_tag(tag_id)
        await self.on_shelf(volume, lambda: self.shelf(volume).end_uploads(number))
        return revision

    async def take_in(
        self,
        name: str,
        path: str,
        who: Principal,
        *,
        note: str = "",
        volume: str = "",
        tags: Iterable[str] = (),
    ) -> str:
        """Make a version of a folder that is in the volume already, as S3 clients put it there."""
        path = check_import(path)

        def where(session: Session) -> str:
            ModelRights(session, who).must(name, Level.WRITE)
            return registry.make_model(session, name, volume, who.user_id).volume

        found_in = await self.database.run(where)
        files = await self.on_shelf(found_in, lambda: self.shelf(found_in).scan(path))
        number, *_ = await self.begin(name, files, who, note=note, volume=found_in)
        return await self.commit(name, number, who, tags)

    async def tag(self, name: str, tag: str, ref: str | None, who: Principal) -> None:
        """Move a tag to what a tag or revision names; None removes it."""
        check_tag(tag)

        def moved(session: Session) -> int:
            ModelRights(session, who).must(name, Level.WRITE)
            model = registry.find_model(session, name)
            version = None if ref is None else registry.resolve(session, model, ref)
            return registry.move_tag(session, model, tag, version).id

        await self.show_tag(await self.database.run(moved))

    async def show_tag(self, tag_id: int) -> None:
        """Have the volume's link follow the tag, and tell of it."""

        def shown(session: Session) -> None:
            row = session.scalar(select(ModelTag).where(ModelTag.id == tag_id).with_for_update())
            if row is None or (row.version_id is not None and row.version_id == row.shown_id):
                return
            model = session.get_one(Model, row.model_id)
            version = session.get(ModelVersion, row.version_id) if row.version_id else None
            # The link is replaced while the row is locked: moves of one tag keep their order.
            revision = None if version is None else version.revision
            self.shelf(model.volume).link(model.name, row.name, revision)
            event = "model.tag.moved" if version is not None else "model.tag.deleted"
            outbox.emit(session, event, registry.told(session, model, version, row.name))
            if version is None:
                session.delete(row)
                return
            row.shown_id = version.id
            session.flush()
            rules.trigger(session, model, row)

        await self.on_shelf("", lambda: self.database.transact(shown))

    async def remove_version(self, name: str, ref: str, who: Principal) -> None:
        """Remove a version that no tag leads to."""

        def retired(session: Session) -> int:
            ModelRights(session, who).must(name, Level.ADMIN)
            model = registry.find_model(session, name)
            version = registry.resolve(session, model, ref)
            registry.retire(session, version)
            return version.id

        await self.clear_version(await self.database.run(retired))

    async def clear_version(self, number: int) -> None:
        """Take a version that is given up out of its volume, then out of the database."""

        def given_up(session: Session) -> tuple[str, str, str] | None:
            version = session.get(ModelVersion, number)
            if version is None:
                return None
            if registry.tags_of(session, [number]):
                return None
            version.state = REMOVING
            model = session.get_one(Model, version.model_id)
            return model.volume, model.name, version.revision

        found = await self.database.run(given_up)
        if found is None:
            return
        volume, name, revision = found

        def cleared() -> None:
            shelf = self.shelf(volume)
            shelf.end_uploads(number)
            shelf.remove_version(name, revision)

        await self.on_shelf(volume, cleared)

        def forgotten(session: Session) -> None:
            version = session.get(ModelVersion, number)
            if version is not None and version.state == REMOVING:
                registry.forget_version(session, version)

        await self.database.run(forgotten)

    async def remove_model(self, name: str, who: Principal) -> None:
        """Remove a model with all its versions and tags."""

        def retired(session: Session) -> tuple[str, list[int], list[int]]:
            ModelRights(session, who).must(name, Level.ADMIN)
            model = registry.find_model(session, name)
            tags = session.scalars(select(ModelTag).where(ModelTag.model_id == model.id)).all()
            for tag in tags:
                tag.version_id = None
            versions = select(ModelVersion.id).where(ModelVersion.model_id == model.id)
            return model.volume, [tag.id for tag in tags], list(session.scalars(versions))

        volume, tags, versions = await self.database.run(retired)
        for tag_id in tags:
            await self.show_tag(tag_id)
        for number in versions:
            await self.clear_version(number)
        await self.database.run(lambda s: registry.forget_model(s, registry.find_model(s, name)))
        await self.on_shelf(volume, lambda: self.shelf(volume).remove_model(name))
