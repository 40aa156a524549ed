"""Makes up for what was broken off, and what time brings: links of tags, retention, replication.

A service. Any replica may do each of it, and more than one at once: every step looks again.
"""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from dfcore.errors import MeganeuraError
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.changes import Changes
from manager.db.base import now
from manager.models import registry
from manager.models.desk import Desk
from manager.replication import rules

EVERY_S = 30.0

log = get_logger("models")


class Keeper:
    """Looks every half minute, and when models or rules change."""

    name = "models"

    def __init__(self, desk: Desk, changes: Changes) -> None:
        self._desk = desk
        self._changes = changes
        self._jobs = JobGroup("models")

    async def start(self) -> None:
        """Begin to look."""
        self._jobs.spawn(self._keep_looking(), name="keep")

    async def stop(self) -> None:
        """End, and close the volumes."""
        await self._jobs.cancel_all()
        await self._desk.close()

    async def _keep_looking(self) -> None:
        while True:
            seen = self._changes.revision(registry.TOPIC)
            try:
                await self.look()
            except SQLAlchemyError as problem:
                log.warning("registry not looked after", reason=type(problem).__name__)
            await self._changes.wait(registry.TOPIC, seen, EVERY_S)

    async def look(self) -> None:
        """Do what is owed now."""
        for tag_id in await self._desk.database.read(registry.unshown):
            await self._tried(self._desk.show_tag(tag_id), tag=tag_id)
        moment = now()
        for number in await self._desk.database.read(lambda s: registry.expired(s, moment)):
            await self._tried(self._desk.clear_version(number), version=number)
        if await self._desk.database.read(rules.owed):
            await self._desk.database.run(rules.pay)

    async def _tried(self, work: object, **what: int) -> None:
        try:
            await work  # type: ignore[misc]
        except MeganeuraError as error:
            log.warning("not done yet", reason=str(error), **what)
