"""Chooses what reads the origin of a preheat job, and opens it with the job's secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfcore.errors import BadInput
from manager.db.database import Database
from manager.jobs import secrets
from manager.jobs.files import Source
from manager.jobs.sources.http import HttpSource
from manager.jobs.sources.hub import HubSource
from manager.jobs.sources.image import ImageSource
from manager.jobs.sources.s3 import S3Source, parse_keys
from manager.jobs.sources.volume import VolumeSource
from manager.jobs.spec import Credentials, PreheatSpec
from manager.jobs.vault import Vault
from manager.jobs.web import Web
from manager.models.desk import Desk


class Origins:
    """Makes the source of each job. ``hub`` is the endpoint of the Hub that the nodes use."""

    def __init__(self, database: Database, vault: Vault, web: Web, desk: Desk, *, hub: str) -> None:
        self._desk = desk
        self._database = database
        self._vault = vault
        self._web = web
        self._hub = hub

    async def source(self, spec: PreheatSpec, given: Mapping[str, Any]) -> Source:
        """What reads the origin of the job. Raises NotFound for a secret that is not there."""
        secret = await self._secret(spec.secret)
        credentials = Credentials(
            given.get("headers", {}), given.get("username", ""), given.get("password", "")
        )
        if spec.type == "image" or spec.scheme == "oci":
            if secret:
                user, _, password = secret.partition(":")
                credentials = Credentials({}, user, password)
            return ImageSource(self._web, credentials)
        if spec.scheme in ("http", "https"):
            if secret:
                credentials = Credentials({"Authorization": f"Bearer {secret}"})
            return HttpSource(self._web.targets, credentials, given.get("signed"))
        if spec.scheme == "hf":
            token = secret or _bearer(credentials)
            return HubSource(self._web, spec.endpoint or self._hub, token)
        if spec.scheme == "s3":
            pair = f"{credentials.username}:{credentials.password}" if credentials.username else ""
            return S3Source(
                self._web.targets,
                parse_keys(secret or pair),
                endpoint=spec.endpoint,
                region=spec.region,
                for_s=spec.timeout_s,
            )
        if spec.scheme == "dffs":
            return VolumeSource(self._desk)
        raise BadInput(f"args.url: {spec.scheme}:// cannot be brought by this manager")

    async def _secret(self, name: str) -> str:
        if not name:
            return ""
        return await self._database.read(lambda s: secrets.value_of(s, self._vault, name))


def _bearer(credentials: Credentials) -> str:
    told = {name.lower(): value for name, value in credentials.headers.items()}
    word, _, token = told.get("authorization", "").partition(" ")
    return token.strip() if word.lower() == "bearer" else credentials.password
