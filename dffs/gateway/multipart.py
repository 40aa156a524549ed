"""Uploads in parts: each part is a file below `/.dffs-gateway/uploads/<id>/` until the end.

Completing copies rows where a part begins on a block's border, so those bytes are not stored again.
What nobody completes or aborts is removed after a week.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dffs.gateway import metadata
from dffs.gateway.bucket import PRIVATE, Bucket, Object, check_key
from dffs.gateway.errors import S3Error
from dffs.gateway.metadata import Kept
from dffs.gateway.xml import Part
from dffs.meta.types import ROOT_CALLER, Attr, MetaError
from dffs.tree import Tree
from dffs.vfs.api import OpenFileApi

MIN_PART_BYTES = 5 << 20
MAX_PART_NUMBER = 10_000
STALE_S = 7 * 86400
_RECORD = b"user.s3.upload"
_COPY_BYTES = 4 << 20
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload under way."""

    upload_id: str
    bucket: str
    key: str
    kept: Kept
    folder: int
    begun_ns: int


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part that has come."""

    number: int
    attr: Attr
    etag: str


class Uploads:
    """All uploads of one volume; `tree` begins at the root of the volume."""

    def __init__(self, tree: Tree, on_complete: Callable[[int], None] = lambda _: None) -> None:
        """`on_complete` is told the inode of each object that was put together."""
        self._tree = tree
        self._on_complete = on_complete

    def begin(self, bucket: Bucket, key: str, kept: Kept) -> Upload:
        """A new upload."""
        bucket_key = check_key(key)
        if bucket_key.endswith("/"):
            raise S3Error("InvalidArgument", "A directory has no parts.")
        upload_id = secrets.token_hex(16)
        attr = self._tree.mkdirs(f"{PRIVATE}/uploads/{upload_id}", 0o700)
        record = json.dumps(
            {"bucket": bucket.name, "key": key, "headers": kept.headers, "tags": kept.tags}
        )
        self._tree.meta.setxattr(ROOT_CALLER, attr.ino, _RECORD, record.encode())
        return Upload(upload_id, bucket.name, key, kept, attr.ino, attr.ctime_ns)

    def get(self, bucket: Bucket, key: str, upload_id: str) -> Upload:
        """An upload under way. Raises S3Error NoSuchUpload, also where bucket or key are others."""
        attr = None
        if _ID.fullmatch(upload_id):
            attr = self._tree.find(f"{PRIVATE}/uploads/{upload_id}")
        upload = self._loaded(upload_id, attr) if attr else None
        if upload is None or (upload.bucket, upload.key) != (bucket.name, key):
            raise S3Error("NoSuchUpload")
        return upload

    def _loaded(self, upload_id: str, attr: Attr) -> Upload | None:
        try:
            record = json.loads(self._tree.meta.getxattr(ROOT_CALLER, attr.ino, _RECORD))
        except MetaError:
            return None  # removed, or not begun yet
        kept = Kept(record["headers"], record["tags"])
        return Upload(upload_id, record["bucket"], record["key"], kept, attr.ino, attr.ctime_ns)

    def all(self) -> Iterator[Upload]:
        """Every upload under way, of all buckets."""
        if self._tree.find(f"{PRIVATE}/uploads") is None:
            return
        for entry in self._tree.listdir(f"{PRIVATE}/uploads"):
            assert entry.attr is not None
            upload = self._loaded(os.fsdecode(entry.name), entry.attr)
            if upload is not None:
                yield upload

    def place(self, upload: Upload, number: int) -> tuple[int, bytes]:
        """Where a part goes."""
        if not 1 <= number <= MAX_PART_NUMBER:
            raise S3Error("InvalidArgument", f"A part's number is 1 to {MAX_PART_NUMBER}.")
        return upload.folder, b"%05d" % number

    def publish(self, upload: Upload, partial: bytes, number: int, etag: str) -> Attr:
        """A part has come in whole; another of the same number is replaced."""
        tree = self._tree
        attr = tree.meta.lookup(tree.caller, upload.folder, partial)
        metadata.save(tree.meta, attr, Kept(), etag)
        # What a rename replaces goes to the trash; a part that comes again is not worth that.
        tree.discard(upload.folder, b"%05d" % number)
        return tree.publish(upload.folder, partial, b"%05d" % number)

    def parts(self, upload: Upload) -> list[StoredPart]:
        """The parts that have come, in the order of their numbers."""
        found = []
        for entry in self._tree.entries(upload.folder):
            if entry.name.isdigit() and entry.attr is not None:
                etag = metadata.etag_of(self._tree.meta, entry.attr)
                found.append(StoredPart(int(entry.name), entry.attr, etag))
        return found

    def complete(
        self, bucket: Bucket, upload: Upload, named: Sequence[Part], *, only_new: bool
    ) -> Object:
        """Put the object together, in its place at once, and forget the upload."""
        parts = _chosen(named, {part.number: part for part in self.parts(upload)})
        etag = _etag(parts)
        parent, name = bucket.place(upload.key)
        partial, attr = bucket.tree.begin(parent, name)
        try:
            self._join(attr, parts)
            attr = bucket.publish(
                parent, partial, name, only_new=only_new, kept=upload.kept, etag=etag
            )
        except BaseException:
            bucket.tree.discard(parent, partial)
            raise
        self.abort(upload)
        self._on_complete(attr.ino)
        return Object(upload.key, attr, etag, upload.kept)

    def _join(self, attr: Attr, parts: Sequence[StoredPart]) -> None:
        files, caller = self._tree.files, self._tree.caller
        target = files.opened(attr, os.O_RDWR)
        try:
            offset = 0
            for part in parts:
                source = files.open(caller, part.attr.ino, os.O_RDONLY)
                try:
                    append(self._tree, source, 0, target, offset, part.attr.size_bytes)
                finally:
                    source.release()
                offset += part.attr.size_bytes
            target.fsync()
        finally:
            target.release()

    def abort(self, upload: Upload) -> None:
        """Remove the parts."""
        self._tree.remove(f"{PRIVATE}/uploads/{upload.upload_id}", recursive=True, skip_trash=True)

    def sweep(self, now_s: float | None = None) -> int:
        """Remove the uploads that were begun more than a week ago; how many."""
        until_ns = int(((time.time() if now_s is None else now_s) - STALE_S) * 1e9)
        stale = [upload for upload in self.all() if upload.begun_ns < until_ns]
        for upload in stale:
            self.abort(upload)
        return len(stale)


def append(
    tree: Tree, source: OpenFileApi, start: int, target: OpenFileApi, offset: int, length: int
) -> None:
    """Copy a range between open files, by rows as far as that goes, by bytes for the rest."""
    done = 0
    while done < length:
        try:
            got = tree.files.copy_range(source, start + done, target, offset + done, length - done)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            data = source.read(start + done, min(_COPY_BYTES, length - done))
            got = target.write(offset + done, data) if data else 0
        if not got:
            raise S3Error("InternalError", "A part became shorter while it was copied.")
        done += got


def _chosen(named: Sequence[Part], there: dict[int, StoredPart]) -> list[StoredPart]:
    """The parts that the client names, checked as S3 checks them."""
    if not named:
        raise S3Error("MalformedXML", "At least one part is needed.")
    numbers = [part.number for part in named]
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder")
    chosen = []
    for part in named:
        held = there.get(part.number)
        if held is None or held.etag != part.etag:
            raise S3Error("InvalidPart", f"Part {part.number} is missing or has another ETag.")
        chosen.append(held)
    if any(part.attr.size_bytes < MIN_PART_BYTES for part in chosen[:-1]):
        raise S3Error("EntityTooSmall")
    return chosen


def _etag(parts: Sequence[StoredPart]) -> str:
    """The ETag of S3 for an object of parts: the MD5 of their MD5s, and how many."""
    sums = b"".join(bytes.fromhex(part.etag.partition("-")[0]) for part in parts)
    return f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"
