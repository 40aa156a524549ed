"""The node's content cache: one file per blob, verified unit by unit, on one or several disks.

`BlobStore` makes and finds blobs, `Blob` is one of them in the hands of a caller. Used by the
daemon and by the file system; knows nothing of peers, origins, Hubs or metadata engines.
"""

from __future__ import annotations

from blobstore.blob import Blob, Listener
from blobstore.config import DiskConfig, StoreConfig
from blobstore.disks import DiskFailed
from blobstore.keeper import Pin
from blobstore.model import BlobInfo, BlobMeta, DiskStats, StoreStats
from blobstore.store import BlobStore

__all__ = [
    "Blob",
    "BlobInfo",
    "BlobMeta",
    "BlobStore",
    "DiskConfig",
    "DiskFailed",
    "DiskStats",
    "Listener",
    "Pin",
    "StoreConfig",
    "StoreStats",
]
