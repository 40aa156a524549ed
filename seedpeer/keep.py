"""Keeps finished blobs in the volume, one after the other, off the loop.

A blob is copied from the node's store into the volume and published under its name when it is stored;
then the snapshot's link is made, and the branches that are at its commit are written down.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from blobstore.blob import Blob
from dfcore.digest import Digest
from dfcore.errors import MeganeuraError
from dffs.meta.types import Attr
from dffs.tree import Tree
from dffs.volume import Volume
from dfinfra.logs import get_logger
from seedpeer.hublayout import Place

_log = get_logger("seedpeer")

_READ_BYTES = 4 << 20
_EVERYBODY, _OWNER = 0o644, 0o600


class Keeper:
    """Blocking; called on threads."""

    def __init__(self, volume: Volume) -> None:
        self._tree = Tree(volume.meta, volume.files)

    def find(self, path: str) -> Attr | None:
        """What is kept under a path."""
        return self._tree.find(path)

    def put(self, blob: Blob, digest: Digest, place: Place, *, restricted: bool) -> bool:
        """Keep a sealed blob; False if it was there. Restricted content is its owner's to read."""
        new = self._tree.find(place.blob) is None
        if new:
            self._copy(blob, digest, place, _OWNER if restricted else _EVERYBODY)
        if place.snapshot and self._tree.find(place.snapshot, follow=False) is None:
            with suppress(FileExistsError):
                self._tree.mkdirs(os.path.dirname(place.snapshot))  # noqa: PTH120
                self._tree.symlink(place.target, place.snapshot)
        return new

    def _copy(self, blob: Blob, digest: Digest, place: Place, mode: int) -> None:
        named = str(digest) if digest.algorithm == "sha256" else ""
        if named and mode == _EVERYBODY and self._tree.put_known(place.blob, named) is not None:
            return
        with blob.pin():
            self._tree.write(place.blob, _chunks(blob), mode=mode, digest=named)

    def ref(self, folder: str, revision: str, commit: str) -> None:
        """Write down that a branch or tag is at a commit."""
        path = f"{folder}/{revision}"
        if ".." in revision.split("/"):
            return
        try:
            if self._tree.find(path) is not None:
                with self._tree.open_read(path) as reader:
                    if reader.read() == commit.encode():
                        return
            self._tree.write(path, [commit.encode()])
        except (OSError, MeganeuraError) as error:
            _log.warning("revision is not written down", revision=revision, reason=str(error))


def _chunks(blob: Blob) -> Iterator[bytes]:
    for offset in range(0, blob.size_bytes, _READ_BYTES):
        yield blob.pread(offset, _READ_BYTES)
