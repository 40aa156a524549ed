"""Plain files at http:// and https:// URLs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from dfcore.errors import BadInput
from dfcore.ids import DEFAULT_FILTERED_QUERY_PARAMS, SIGNATURE_QUERY_PARAMS, blob_digest_in_url
from manager.jobs.files import Access, PlannedFile
from manager.jobs.spec import Credentials, PreheatSpec
from manager.jobs.targets import Targets

_SIGNED = {name.lower() for name in SIGNATURE_QUERY_PARAMS if "sign" in name.lower()} | {
    "sig",
    "token",
    "policy",
    "access_token",
}


class HttpSource:
    """URLs are files as they are. Signed ones are kept with the job's credentials, not with its plan."""

    def __init__(
        self, targets: Targets, credentials: Credentials, signed: Mapping[str, str] | None = None
    ) -> None:
        """``signed`` has, for URLs without their query, those with it."""
        self._targets = targets
        self._headers = headers_of(credentials)
        self._signed = signed or {}

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """One file for each URL."""
        files = []
        for url in spec.urls:
            await self._targets.check(url)
            parts = urlsplit(url)
            if parts.username is not None:
                raise BadInput("args.url: give username and password by their own keys")
            digest = blob_digest_in_url(url)
            files.append(
                PlannedFile(
                    name=unquote(PurePosixPath(parts.path).name) or parts.netloc,
                    url=parts._replace(fragment="").geturl(),
                    digest=str(digest or ""),
                    content=spec.content,
                    private=bool(self._headers),
                )
            )
        return files

    async def access(self, file: PlannedFile) -> Access:
        """The URL and the headers that were given."""
        await self._targets.check(file.url)
        return Access(
            self._signed.get(file.url, file.url),
            self._headers,
            filtered_query_params=tuple(DEFAULT_FILTERED_QUERY_PARAMS),
        )


def headers_of(credentials: Credentials) -> Mapping[str, str]:
    """Given headers, and Basic for a user name and a password."""
    headers = dict(credentials.headers)
    if credentials.username or credentials.password:
        pair = f"{credentials.username}:{credentials.password}"
        headers.setdefault("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    return headers


def is_signed(url: str) -> bool:
    """Whether the URL is a credential itself."""
    query = url.partition("?")[2].partition("#")[0]
    return any(pair.partition("=")[0].lower() in _SIGNED for pair in query.split("&"))
