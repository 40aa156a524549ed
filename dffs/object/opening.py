"""From what a user writes (`--storage`, `--bucket`, keys) to an object store.

Buckets are written as users of JuiceFS write them: a directory for `file`; for `s3` an URL that ends
with the bucket (`http://127.0.0.1:8333/models`), a virtual host (`https://models.s3.eu-west-1.amazonaws.com`)
or a bare name; `gs://name`; an URL of a container for `azure` (`https://account.blob.core.windows.net/models`);
any URL for `http`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.store import AzureStore, GCSStore, HTTPStore, MemoryStore, S3Store

from dfcore.errors import BadInput
from dffs.format import Format
from dffs.object.directory import DirectoryStore
from dffs.object.errors import from_library_error
from dffs.object.remote import NO_RETRIES, RemoteStore, Timeouts
from dffs.object.store import ObjectStore
from dfinfra.redact import redact_text

_AMAZON_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-](?:(?P<region>[a-z0-9-]+)\.)?amazonaws\.com")
_AZURE_PARTS = 2
_DEFAULT_REGION = "us-east-1"
# What keeps the body of a PUT from changing on its way. Signing it costs a second SHA-256 of every
# block; TLS does as well, and in the clear a checksum that the server compares. Servers that know no
# such checksum get signed bodies.
_BY_TLS: dict[str, object] = {"unsigned_payload": True}
_BY_CHECKSUM: dict[str, object] = {"unsigned_payload": True, "checksum_algorithm": "CRC64NVME"}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a bucket is, and as whom it is used. `timeouts` hold for one request."""

    storage: str
    bucket: str
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    timeouts: Timeouts = field(default_factory=Timeouts)

    @classmethod
    def of(cls, record: Format, timeouts: Timeouts | None = None) -> Location:
        """The bucket of a volume."""
        return cls(
            record.storage,
            record.bucket,
            record.region,
            record.access_key,
            record.secret_key,
            record.session_token,
            timeouts or Timeouts(),
        )


def open_store(where: Location) -> ObjectStore:
    """The object store at a location. BadInput if there can be none."""
    opener = _OPENERS.get(where.storage)
    if opener is None:
        raise BadInput(f"storage {where.storage!r}: allowed are {', '.join(sorted(_OPENERS))}")
    if not where.bucket:
        raise BadInput(f"storage {where.storage}: the bucket is missing")
    try:
        return opener(where)
    except (ValueError, OSError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"bucket {shown(where.bucket)}: {from_library_error(error, '')}") from None


def shown(bucket: str) -> str:
    """A bucket as it may be shown."""
    return redact_text(bucket).partition("?")[0]


def _directory(where: Location) -> ObjectStore:
    return DirectoryStore(Path(where.bucket.removeprefix("file://")))


_MEMORY: dict[str, MemoryStore] = {}


def _memory(where: Location) -> ObjectStore:
    # One store per name and process, so that a volume can be opened twice.
    return RemoteStore(_MEMORY.setdefault(where.bucket, MemoryStore()), f"memory://{where.bucket}")


def _s3(where: Location) -> ObjectStore:
    bucket, endpoint, region = split_s3(where.bucket)
    options: dict[str, object] = {"region": where.region or region or _DEFAULT_REGION}
    if endpoint:
        options["endpoint"] = endpoint
    if where.access_key:
        options["access_key_id"] = where.access_key
        options["secret_access_key"] = where.secret_key
    if where.session_token:
        options["session_token"] = where.session_token

    def backend(protection: dict[str, object]) -> S3Store:
        return S3Store(
            bucket,
            config={**options, **protection},  # type: ignore[arg-type]
            client_options=where.timeouts.client_options(),  # type: ignore[arg-type]
            retry_config=NO_RETRIES,  # type: ignore[arg-type]
        )

    url = f"s3://{bucket}" + (f" at {endpoint}" if endpoint else "")
    if not endpoint or endpoint.startswith("https:"):
        return RemoteStore(backend(_BY_TLS), url)
    return RemoteStore(backend(_BY_CHECKSUM), url, lambda: backend({}))


def split_s3(text: str) -> tuple[str, str, str]:
    """Bucket, endpoint (empty: Amazon's) and region (empty: unknown) of what a user wrote."""
    parts = urlsplit(text)
    if not parts.scheme:
        return text, "", ""
    if parts.scheme == "s3":
        return parts.netloc, "", ""
    if parts.scheme not in ("http", "https"):
        raise BadInput(f"bucket {shown(text)}: an http(s) or s3 URL, or a name, is allowed")
    host = parts.netloc.rpartition("@")[2]
    if match := _AMAZON_HOST.fullmatch(host):
        return match["bucket"], "", match["region"] or ""
    bucket = parts.path.strip("/")
    if not bucket or "/" in bucket:
        raise BadInput(f"bucket {shown(text)}: the URL must end with the bucket's name")
    return bucket, f"{parts.scheme}://{host}", ""


def _gcs(where: Location) -> ObjectStore:
    """`gs://name`, or an URL that ends with the bucket for a server of one's own, which knows no one.

    The secret key is the JSON of a service account; without it, whoever this machine is signed in as.
    """
    bucket, own = where.bucket.removeprefix("gs://").strip("/"), ""
    options: dict[str, object] = {}
    if where.secret_key:
        options["service_account_key"] = where.secret_key
    if where.bucket.startswith(("http://", "https://")):
        bucket, own, _ = split_s3(where.bucket)
        anonymous = {"client_email": "", "private_key": "", "private_key_id": ""}
        server = {"gcs_base_url": own, "disable_oauth": True}
        options["service_account_key"] = json.dumps(anonymous | server)
    backend = GCSStore(
        bucket,
        config=options,  # type: ignore[arg-type]
        client_options=where.timeouts.client_options(),  # type: ignore[arg-type]
        retry_config=NO_RETRIES,  # type: ignore[arg-type]
    )
    return RemoteStore(backend, f"gs://{bucket}" + (f" at {own}" if own else ""))


def _azure(where: Location) -> ObjectStore:
    account, container, endpoint = split_azure(where.bucket)
    options: dict[str, object] = {"account_name": where.access_key or account}
    if where.secret_key:
        options["account_key"] = where.secret_key
    if endpoint:
        options["endpoint"] = endpoint
    backend = AzureStore(
        container,
        config=options,  # type: ignore[arg-type]
        client_options=where.timeouts.client_options(),  # type: ignore[arg-type]
        retry_config=NO_RETRIES,  # type: ignore[arg-type]
    )
    return RemoteStore(backend, f"az://{options['account_name']}/{container}")


def split_azure(text: str) -> tuple[str, str, str]:
    """Account, container and endpoint (empty: Microsoft's) of what a user wrote.

    A server of one's own has the account in its path: `http://host:10000/account/container`.
    """
    parts = urlsplit(text)
    path = parts.path.strip("/").split("/")
    if not parts.scheme:
        return "", text, ""
    if parts.scheme in ("az", "azure", "abfs", "abfss"):
        return "", parts.netloc.partition("@")[0], ""
    if parts.scheme not in ("http", "https") or not path[0] or len(path) > _AZURE_PARTS:
        raise BadInput(f"bucket {shown(text)}: the URL must end with the container's name")
    if parts.netloc.endswith(".windows.net"):
        return parts.netloc.split(".")[0], path[-1], ""
    account = path[0] if len(path) == _AZURE_PARTS else parts.netloc.split(".")[0]
    return account, path[-1], "/".join([f"{parts.scheme}://{parts.netloc}", *path[:-1]])


def _http(where: Location) -> ObjectStore:
    backend = HTTPStore(
        where.bucket,
        client_options=where.timeouts.client_options(),  # type: ignore[arg-type]
        retry_config=NO_RETRIES,  # type: ignore[arg-type]
    )
    path = unquote(urlsplit(where.bucket).path).strip("/")
    return RemoteStore(backend, shown(where.bucket), listed_below=f"{path}/" if path else "")


_OPENERS: dict[str, Callable[[Location], ObjectStore]] = {
    "file": _directory,
    "memory": _memory,
    "s3": _s3,
    "gs": _gcs,
    "azure": _azure,
    "http": _http,
}
STORAGES = tuple(sorted(_OPENERS))
