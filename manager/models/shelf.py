"""What a volume holds of the registry: versions as folders, tags as links, uploads that are under way.

A version is ``models/org/name/.versions/<revision>``, a tag ``models/org/name/<tag>``, a symbolic link
that is replaced in one step: who reads through it sees the old tree or the new one. All of it blocks,
so it runs in threads; each operation may be done again after a crash.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Generator, Iterable, Sequence

from dfcore.errors import BadInput, NotFound
from dffs.meta.types import ROOT_CALLER, FileKind, MetaError
from dffs.tree import Tree
from dffs.volume import Volume
from manager.models.names import HIDDEN, FileEntry, folder_of, version_folder

READ_BYTES = 1 << 20
_UPLOADS = f"{HIDDEN}/uploads"
_EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()


class Shelf:
    """The registry's files in one volume."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.tree = Tree(volume.meta, volume.files)

    def holds(self, digest: str) -> bool:
        """Whether some file of the volume has this content."""
        return digest == _EMPTY or self.volume.meta.by_content(digest) is not None

    def missing(self, files: Iterable[FileEntry]) -> list[str]:
        """Digests of which the volume has no file, each once."""
        return [d for d in dict.fromkeys(file.digest for file in files) if not self.holds(d)]

    def upload(self, version_id: int, digest: str, size_bytes: int) -> Upload:
        """Begin, or go on with, the upload of one content."""
        return Upload(self.tree, f"{_UPLOADS}/{version_id}/{digest[7:]}", digest, size_bytes)

    def received(self, version_id: int, digest: str) -> int:
        """How much of an upload has arrived."""
        attr = self.tree.find(f"{_UPLOADS}/{version_id}/{digest[7:]}")
        return 0 if attr is None else attr.size_bytes

    def build(self, model: str, revision: str, files: Sequence[FileEntry]) -> list[str]:
        """Make the version's folder out of what the volume holds; the digests that are missing.

        Rows only: no byte moves. The folder appears at once, when all of it is there.
        """
        final = version_folder(model, revision)
        if self.tree.find(final) is not None:
            return []
        aside = f"{folder_of(model)}/.versions/.building-{revision[:32]}"
        self._drop(aside)
        missing = []
        for file in files:
            path = f"{aside}/{file.path}"
            if file.digest == _EMPTY:
                self.tree.write(path, (), digest=_EMPTY)
            elif self.tree.put_known(path, file.digest) is None:
                missing.append(file.digest)
        if missing:
            self._drop(aside)
            return list(dict.fromkeys(missing))
        self.publish(aside, final)
        return []

    def publish(self, aside: str, final: str) -> None:
        """Give a folder that was built its name; fine if another was quicker."""
        try:
            self.tree.rename(aside, final, overwrite=False)
        except MetaError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            self._drop(aside)

    def end_uploads(self, version_id: int) -> None:
        """Forget the uploads of a version."""
        self._drop(f"{_UPLOADS}/{version_id}")

    def link(self, model: str, tag: str, revision: str | None) -> None:
        """Have the tag lead to a version, or nowhere."""
        path = f"{folder_of(model)}/{tag}"
        found = self.tree.find(path, follow=False)
        if found is not None and found.kind is not FileKind.SYMLINK:
            raise BadInput(f"{path} of volume {self.volume.name} is no tag: somebody put it there")
        if revision is None:
            if found is not None:
                self.tree.remove(path, skip_trash=True)
            return
        aside = f"{folder_of(model)}/.versions/.tag-{tag}"
        self._drop(aside)
        self.tree.symlink(f".versions/{revision[:32]}", aside)
        self.tree.rename(aside, path)

    def linked(self, model: str, tag: str) -> str | None:
        """The beginning of the revision that a tag leads to."""
        path = f"{folder_of(model)}/{tag}"
        found = self.tree.find(path, follow=False)
        if found is None or found.kind is not FileKind.SYMLINK:
            return None
        return self.tree.readlink(path).rpartition("/")[2]

    def remove_version(self, model: str, revision: str) -> None:
        """Remove a version's folder; blocks that nothing else names are reclaimed by the volume."""
        self._drop(version_folder(model, revision))

    def remove_model(self, model: str) -> None:
        """Remove all that is left of a model."""
        self._drop(folder_of(model))

    def scan(self, path: str) -> list[FileEntry]:
        """The files below a path of the volume, with their digests: read where none is noted."""
        root = self.tree.find(path)
        if root is None or root.kind not in (FileKind.DIRECTORY, FileKind.FILE):
            raise NotFound(f"volume {self.volume.name} has no folder or file {path[:200]}")
        if root.kind is FileKind.FILE:
            digest = root.content or self._digest(path, root.ino)
            return [FileEntry(path.rpartition("/")[2], root.size_bytes, digest)]
        found = []
        for name, attr in self.tree.walk(path):
            if attr.kind is not FileKind.FILE:
                continue
            digest = attr.content or self._digest(f"{path}/{name}", attr.ino)
            found.append(FileEntry(name, attr.size_bytes, digest))
        return found

    def content(self, digest: str, offset: int, size: int) -> Generator[bytes, None, None]:
        """Bytes of the content that has a digest. NotFound."""
        ino = None if digest == _EMPTY else self.volume.meta.by_content(digest)
        if ino is None:
            if digest == _EMPTY:
                return
            raise NotFound(f"volume {self.volume.name} holds no {digest}")
        handle = self.volume.files.open(ROOT_CALLER, ino, os.O_RDONLY)
        try:
            end = offset + size
            while offset < end:
                data = handle.read(offset, min(READ_BYTES, end - offset))
                if not data:
                    return
                yield data
                offset += len(data)
        finally:
            handle.release()

    def _digest(self, path: str, ino: int) -> str:
        hashed = hashlib.sha256()
        with self.tree.open_read(path) as reader:
            while data := reader.read(4 << 20):
                hashed.update(data)
        digest = f"sha256:{hashed.hexdigest()}"
        self.volume.meta.set_content(ino, self.tree.stat(path).version, digest)
        return digest

    def _drop(self, path: str) -> None:
        try:
            self.tree.remove(path, recursive=True, skip_trash=True)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise


class Upload:
    """One content on its way into a volume. Blocking; one thread at a time."""

    def __init__(self, tree: Tree, path: str, digest: str, size_bytes: int) -> None:
        self._tree = tree
        self._digest = digest
        self._size_bytes = size_bytes
        self._hash = hashlib.sha256()
        parent, name = tree.place_for(path)
        self._attr, _ = tree.meta.create(tree.caller, parent, name, 0o600, exclusive=False)
        self._handle = tree.files.opened(self._attr, os.O_RDWR)
        self.offset = 0

    def seek(self, offset: int) -> None:
        """Go on at an offset: what came before is read and hashed. BadInput beyond what is there."""
        if offset > self._handle.attr.size_bytes:
            raise BadInput(f"offset: {self._handle.attr.size_bytes} bytes have arrived")
        self._handle.truncate(offset)
        while self.offset < offset:
            data = self._handle.read(self.offset, min(4 << 20, offset - self.offset))
            self._hash.update(data)
            self.offset += len(data)

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.offset + len(data) > self._size_bytes:
            raise BadInput(f"more than the {self._size_bytes} bytes that were announced")
        self._hash.update(data)
        self._handle.write(self.offset, data)
        self.offset += len(data)

    def finish(self) -> bool:
        """Whether all is here and stored. Raises BadInput if it is not what it should be."""
        self._handle.fsync()
        if self.offset < self._size_bytes:
            return False
        if f"sha256:{self._hash.hexdigest()}" != self._digest:
            self._handle.truncate(0)
            raise BadInput(f"the bytes that came are not {self._digest}")
        attr = self._handle.attr
        return self._tree.meta.set_content(attr.ino, attr.version, self._digest)

    def close(self) -> None:
        """Let go; what has arrived stays, for a continuation."""
        self._handle.release()
