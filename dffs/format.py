"""The format record of a volume: what was settled by `dffs format` and what `dffs config` may change.

Kept as JSON in the metadata engine. Pure; read by everybody who opens a volume. Secrets are in it,
because every client needs them: `repr` and `public()` leave them out.
"""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from dfcore.errors import BadInput, ConfigError

MIB = 1 << 20
DEFAULT_BLOCK_BYTES = 4 * MIB
MIN_BLOCK_BYTES = 64 << 10
MAX_BLOCK_BYTES = 16 * MIB
CURRENT_VERSION = 1
COMPRESSIONS = ("none", "zstd", "lz4")
ENCRYPTIONS = ("none", "aes256gcm")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def _secret() -> Any:
    return field(default="", repr=False, metadata={"secret": True})


@dataclass(frozen=True, slots=True)
class Format:
    """One volume. Rates are bytes a second, 0 is no limit.

    `storage` and `bucket` say where the objects are; `wrapped_key` is the volume's random key, sealed
    by the user's passphrase. `sealed_objects` tells that every object begins with a header that names
    its codec; without it an object is the plain block. `public_files` are everybody's: nodes may pass
    them on in the clear. Limits, trash and ACLs are the engine's own (dffs.meta.types.Settings).
    """

    name: str
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    version: int = CURRENT_VERSION
    storage: str = "file"
    bucket: str = ""
    region: str = ""
    access_key: str = _secret()
    secret_key: str = _secret()
    session_token: str = _secret()
    block_size_bytes: int = DEFAULT_BLOCK_BYTES
    compression: str = "none"
    encryption: str = "none"
    wrapped_key: str = _secret()
    sealed_objects: bool = False
    public_files: bool = False
    upload_limit_bytes_s: int = 0
    download_limit_bytes_s: int = 0
    created_ns: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInput(
                f"volume name {self.name!r}: 3 to 63 lower-case letters, digits and '-' are allowed"
            )
        size = self.block_size_bytes
        if size & (size - 1) or not MIN_BLOCK_BYTES <= size <= MAX_BLOCK_BYTES:
            raise BadInput(f"block size {size}: a power of two from 64KiB to 16MiB is allowed")
        _one_of("compression", self.compression, COMPRESSIONS)
        _one_of("encryption", self.encryption, ENCRYPTIONS)

    def to_json(self) -> str:
        """The form that is kept in the engine. Holds secrets."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Format:
        """Read back what to_json() wrote. ConfigError if a newer version wrote it."""
        values = json.loads(text)
        if values.get("version", 0) > CURRENT_VERSION:
            raise ConfigError(
                f"volume {values.get('name')!r} has format version {values['version']}, this program"
                f" knows {CURRENT_VERSION}: update it"
            )
        known = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def public(self) -> dict[str, Any]:
        """What may be shown: secrets that are set are `removed`."""
        shown = dataclasses.asdict(self)
        for item in dataclasses.fields(self):
            if item.metadata.get("secret") and shown[item.name]:
                shown[item.name] = "removed"
        return shown

    def changed(self, **changes: Any) -> Format:
        """The same volume with other settings."""
        return dataclasses.replace(self, **changes)


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadInput(f"{what} {value!r}: allowed are {', '.join(allowed)}")
