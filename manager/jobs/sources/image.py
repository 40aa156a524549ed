"""Container images: a manifest's URL, or ``oci://registry/repository:tag``; every layer is a file.

Walks OCI image indexes and Docker manifest lists, for one platform, several or ``all``, and gets the
registry's token as the distribution specification says (WWW-Authenticate, Basic for the user's name).
"""

from __future__ import annotations

import platform as machine
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from dfcore.digest import Digest
from dfcore.errors import BadInput, Denied, NotFound, OriginBroken, Unauthorized, Unavailable
from dfcore.ids import DEFAULT_FILTERED_QUERY_PARAMS
from manager.jobs.files import Access, PlannedFile
from manager.jobs.sources.http import headers_of
from manager.jobs.spec import Credentials, PreheatSpec
from manager.jobs.web import Web, WebAnswer

_MANIFEST_URL = re.compile(r"(https?://[^/]+)/v2/(.+)/manifests/([^/?#]+)")
_REFERENCE = re.compile(r"([^/]+)/([a-z0-9._/-]+)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?")
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_MAX_MANIFESTS = 200


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Where an image is."""

    base: str
    repository: str
    reference: str


def parse_reference(url: str) -> ImageReference:
    """Read a manifest's URL or a short reference. Raises BadInput."""
    manifest = _MANIFEST_URL.fullmatch(url)
    if manifest is not None:
        return ImageReference(manifest[1], manifest[2], manifest[3])
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "oci", url
    short = _REFERENCE.fullmatch(rest)
    if scheme not in ("oci", "oci+http", "http", "https") or short is None or "/v2/" in rest:
        raise BadInput(
            "args.url: must be https://registry/v2/repository/manifests/tag or oci://registry/repository:tag"
        )
    base = f"{'http' if scheme in ('http', 'oci+http') else 'https'}://{_registry(short[1])}"
    repository = short[2]
    if short[1] in ("docker.io", "index.docker.io") and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(base, repository, short[4] or short[3] or "latest")


def chosen(manifests: Iterable[Mapping[str, Any]], platforms: tuple[str, ...]) -> list[str]:
    """Digests of an index's manifests for the platforms; ``all`` takes every real one."""
    wanted = platforms or (f"linux/{_MACHINES.get(machine.machine(), machine.machine())}",)
    found = []
    for entry in manifests:
        told = entry.get("platform") or {}
        parts = [str(told.get(key) or "") for key in ("os", "architecture", "variant")]
        if parts[0] == "unknown":
            continue  # an attestation, not an image
        name, full = "/".join(parts[:2]), "/".join(filter(None, parts))
        if "all" in wanted or name in wanted or full in wanted:
            found.append(str(entry.get("digest", "")))
    return found


class ImageSource:
    """One registry, asked on behalf of one job."""

    def __init__(self, web: Web, credentials: Credentials) -> None:
        self._web = web
        self._basic = headers_of(Credentials({}, credentials.username, credentials.password))
        self._given = dict(credentials.headers)
        self._token: dict[str, str] = {}

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """Configurations and layers of the image, each once."""
        image = parse_reference(spec.urls[0])
        files: dict[str, PlannedFile] = {}
        queue, seen = [image.reference], set[str]()
        while queue:
            reference = queue.pop()
            if reference in seen:
                continue
            seen.add(reference)
            if len(seen) > _MAX_MANIFESTS:
                raise OriginBroken(f"{image.repository}: too many manifests")
            document = await self._manifest(image, reference)
            if "manifests" in document:
                queue += self._of_index(image, document, spec.platforms)
            for entry in _blobs(document):
                file = self._file(image, entry)
                files[file.digest] = file
        return list(files.values())

    async def access(self, file: PlannedFile) -> Access:
        """The blob's URL with a token that is good now: the manifest is asked for again to get one."""
        if file.private:
            image = parse_reference(file.revision)
            await self._ask(
                image, f"{image.base}/v2/{image.repository}/manifests/{image.reference}"
            )
        headers = {**self._given, **self._token} if file.private else {}
        return Access(file.url, headers, filtered_query_params=tuple(DEFAULT_FILTERED_QUERY_PARAMS))

    def _of_index(
        self, image: ImageReference, document: Mapping[str, Any], platforms: tuple[str, ...]
    ) -> list[str]:
        entries = [entry for entry in document["manifests"] if isinstance(entry, dict)]
        found = chosen(entries, platforms)
        if not found:
            there = sorted(
                "/".join(str(p.get(k)) for k in ("os", "architecture"))
                for p in (entry.get("platform") or {} for entry in entries)
            )
            raise NotFound(
                f"{image.repository}: not for this platform; there are {', '.join(there)}"
            )
        return found

    def _file(self, image: ImageReference, entry: Mapping[str, Any]) -> PlannedFile:
        digest, size = str(entry.get("digest", "")), entry.get("size")
        if Digest.parse(digest).algorithm != "sha256":
            raise OriginBroken(f"{image.repository}: blob {digest[:80]} is not named by sha256")
        return PlannedFile(
            name=digest,
            url=f"{image.base}/v2/{image.repository}/blobs/{digest}",
            size_bytes=size if isinstance(size, int) else None,
            digest=digest,
            revision=f"{image.base}/v2/{image.repository}/manifests/{image.reference}",
            private=bool(self._given or self._token),
        )

    async def _manifest(self, image: ImageReference, reference: str) -> Mapping[str, Any]:
        url = f"{image.base}/v2/{image.repository}/manifests/{reference}"
        answer = await self._ask(image, url)
        what = f"{urlsplit(image.base).netloc}/{image.repository}:{reference}"
        if answer.status in (401, 403):
            kind = Unauthorized if answer.status == 401 else Denied
            raise kind(f"{what}: the registry refuses these credentials")
        if answer.status == 404:
            raise NotFound(f"{what}: the registry has no such image")
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(f"{what}: the registry answers {answer.status}")
        document = answer.json() if answer.status == 200 else None
        if not isinstance(document, dict):
            raise OriginBroken(f"{what}: the registry answers {answer.status} and no manifest")
        return document

    async def _ask(self, image: ImageReference, url: str) -> WebAnswer:
        accept = {"Accept": ", ".join((*_MANIFESTS, *_INDEXES))}
        answer = await self._web.ask("GET", url, {**accept, **self._given, **self._token})
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status != 401 or not challenge:
            return answer
        self._token = await self._authorized(challenge, image)
        return await self._web.ask("GET", url, {**accept, **self._given, **self._token})

    async def _authorized(self, challenge: str, image: ImageReference) -> dict[str, str]:
        """What the registry's challenge asks for."""
        if challenge.lower().startswith("basic"):
            return dict(self._basic)
        told = dict(_CHALLENGE.findall(challenge))
        realm = told.get("realm", "")
        if not realm.startswith(("http://", "https://")):
            raise OriginBroken(f"{image.base}: the registry does not say where its tokens are")
        query = {"scope": told.get("scope") or f"repository:{image.repository}:pull"}
        if "service" in told:
            query["service"] = told["service"]
        # The user's name and password go where the registry of this job sends us, as its clients do.
        answer = await self._web.ask("GET", f"{realm}?{urlencode(query)}", self._basic)
        document = answer.json() if answer.status == 200 else {}
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str):
            raise Unauthorized(f"{urlsplit(image.base).netloc}: the registry gives no token")
        return {"Authorization": f"Bearer {token}"}


def _blobs(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = [document.get("config"), *(document.get("layers") or [])]
    blobs = [entry for entry in entries if isinstance(entry, dict)]
    # Layers that name other places are not the registry's to serve.
    return [entry for entry in blobs if not entry.get("urls")]


def _registry(host: str) -> str:
    return "registry-1.docker.io" if host in ("docker.io", "index.docker.io") else host
