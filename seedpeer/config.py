"""The seed's configuration: the node's, and the volume that is the cluster's memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dfdaemon.config import DaemonConfig
from dfinfra.config import Bytes


@dataclass(frozen=True)
class ObjectStoreConfig:
    """What the cluster keeps beyond its nodes.

    ``volume`` is the META-URL of a volume of the file system (``dffs format``), or ``dffs://NAME`` for
    the URL that the environment variable MEGANEURA_VOLUME_NAME holds. With it the seed asks the volume
    before the origin, and keeps each assembled blob there, laid out as a Hugging Face cache.
    ``passphrase_file`` opens an encrypted volume. ``keep`` off only reads. ``queue`` bounds the blobs
    that wait to be kept.
    """

    volume: str | None = None
    passphrase_file: Path | None = None
    keep: bool = True
    queue: int = 1024
    buffer_size_bytes: Bytes = field(default=128 << 20, metadata={"key": "bufferSize"})


@dataclass(frozen=True)
class SeedConfig(DaemonConfig):
    """A seed."""

    object_store: ObjectStoreConfig = field(default_factory=ObjectStoreConfig)
