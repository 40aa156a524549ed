"""Chooses what reads the origin of a preheat job, and opens it with the job's secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from dfcore.errors import BadInput
from manager.db.database import Database
from manager.jobs import secrets
from manager.jobs.files import Source
from manager.jobs.sources.http import HttpSource
from manager.jobs.sources.hub import HubSource
from manager.jobs.sources.image import ImageSource, parse_reference
from manager.jobs.sources.s3 import S3Source, parse_keys
from manager.jobs.sources.volume import VolumeSource
from manager.jobs.spec import Credentials, PreheatSpec
from manager.jobs.vault import Vault
from manager.jobs.web import Web
from manager.models.desk import Desk

AWS_S3 = "s3.amazonaws.com"
"""The host that a secret for AWS is for: an s3:// URL without an endpoint."""


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
        secret = await self._secret(spec)
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
            endpoint = (spec.endpoint or self._hub).rstrip("/")
            own = endpoint == self._hub.rstrip("/")
            return HubSource(self._web, endpoint, token, nodes_own=own)
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

    async def _secret(self, spec: PreheatSpec) -> str:
        if not spec.secret:
            return ""
        return await self._database.read(lambda s: self.secret_of(s, spec))

    def secret_of(self, session: Session, spec: PreheatSpec) -> str:
        """The job's secret, if it is for every host that the job names. Raises NotFound, Denied."""
        hub = urlsplit(self._hub).hostname or ""
        value = ""
        for host in hosts_of(spec, hub):
            value = secrets.value_of(session, self._vault, spec.secret, host, hub)
        return value


def hosts_of(spec: PreheatSpec, hub: str) -> set[str]:
    """The hosts that would be sent the job's secret."""
    if spec.endpoint:
        return {urlsplit(spec.endpoint).hostname or ""}
    if spec.type == "image":
        return {urlsplit(parse_reference(spec.urls[0]).base).hostname or ""}
    if spec.scheme == "hf":
        return {hub}
    if spec.scheme == "s3":
        return {AWS_S3}
    return {urlsplit(url).hostname or "" for url in spec.urls}


def _bearer(credentials: Credentials) -> str:
    told = {name.lower(): value for name, value in credentials.headers.items()}
    word, _, token = told.get("authorization", "").partition(" ")
    return token.strip() if word.lower() == "bearer" else credentials.password
