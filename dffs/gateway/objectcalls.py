"""Operations on one object, but for the bytes of an upload. Called in threads; each takes a Call."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from dfcore.errors import RangeNotSatisfiable
from dfcore.ranges import parse_range_header
from dffs.gateway import conditions, metadata, xml
from dffs.gateway.bucket import Bucket, Object
from dffs.gateway.buckets import Buckets
from dffs.gateway.calls import Call, Reply, object_headers
from dffs.gateway.conditions import Verdict
from dffs.gateway.errors import S3Error
from dffs.gateway.metadata import Kept
from dffs.gateway.multipart import Uploads, append
from dffs.gateway.settings import check_version
from dffs.gateway.xml import document, when
from dffs.meta.types import FileKind


class ObjectCalls:
    """What clients do with objects."""

    def __init__(self, buckets: Buckets, uploads: Uploads) -> None:
        self._buckets = buckets
        self._uploads = uploads

    def read(self, call: Call) -> Reply:
        """GetObject and HeadObject, with ranges and conditions."""
        bucket = self._buckets.get(call.bucket)
        found = bucket.head(call.key)
        headers = object_headers(found, call.query)
        verdict = conditions.for_read(call.headers, found.etag, found.attr.mtime_ns)
        if verdict is Verdict.NOT_MODIFIED:
            return Reply(304, {k: v for k, v in headers.items() if k in ("ETag", "Last-Modified")})
        reply = Reply(200, headers, start=0, length=found.size_bytes)
        _cut(reply, call, found)
        if reply.status == 200 and call.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers.update(_sum_of(found))
        headers["Content-Length"] = str(reply.length)
        if call.method == "GET" and found.attr.kind is FileKind.FILE:
            reply.reader = bucket.open(found)
        return reply

    def delete(self, call: Call) -> Reply:
        """DeleteObject."""
        self._buckets.get(call.bucket).delete(call.key)
        return Reply(204)

    def copy(self, call: Call) -> Reply:
        """CopyObject: rows, no bytes."""
        bucket = self._buckets.get(call.bucket)
        source = self._source(call)
        same = (source[0].name, source[1].key) == (bucket.name, call.key)
        kept = self._kept_of_copy(call, source[1])
        if same and call.headers.get("x-amz-metadata-directive", "COPY").upper() != "REPLACE":
            raise S3Error("InvalidRequest", "An object is copied onto itself with REPLACE only.")
        there = bucket.find(call.key)
        only_new = conditions.for_write(call.headers, there.etag if there else None)
        copied = bucket.copy(source[1], call.key, kept, only_new=only_new)
        return Reply.xml(
            document(
                "CopyObjectResult",
                [("LastModified", when(copied.attr.ctime_ns)), ("ETag", f'"{copied.etag}"')],
            )
        )

    def _source(self, call: Call) -> tuple[Bucket, Object]:
        """The object that x-amz-copy-source names, its conditions judged."""
        path, _, query = call.headers["x-amz-copy-source"].partition("?")
        check_version(dict(parse_qsl(query)).get("versionId"))
        name, _, key = unquote(path).lstrip("/").partition("/")
        bucket = self._buckets.get(name)
        found = bucket.head(key)
        conditions.for_read(
            call.headers, found.etag, found.attr.mtime_ns, prefix="x-amz-copy-source-"
        )
        return bucket, found

    def _kept_of_copy(self, call: Call, source: Object) -> Kept:
        replace = call.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
        kept = metadata.of_request(call.headers) if replace else source.kept
        tags = source.kept.tags
        if call.headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE":
            tags = tags_of_header(call)
        return Kept(kept.headers, tags)

    def copy_part(self, call: Call) -> Reply:
        """UploadPartCopy."""
        bucket = self._buckets.get(call.bucket)
        upload = self._uploads.get(bucket, call.key, call.query["uploadId"])
        source_bucket, source = self._source(call)
        start, end = 0, source.size_bytes
        if text := call.headers.get("x-amz-copy-source-range"):
            ranges = parse_range_header(text, source.size_bytes)
            if not ranges or len(ranges) != 1:
                raise S3Error("InvalidArgument", "x-amz-copy-source-range is bytes=first-last.")
            start, end = ranges[0].start, ranges[0].end
        number = call.number("partNumber", 0)
        folder, name = self._uploads.place(upload, number)
        tree = bucket.tree
        partial, attr = tree.begin(folder, name)
        reader = source_bucket.open(source)
        try:
            target = tree.files.opened(attr, os.O_RDWR)
            try:
                append(tree, reader.handle, start, target, 0, end - start)
                target.fsync()
                etag = _md5(target.read, end - start)
            finally:
                target.release()
            stored = self._uploads.publish(upload, partial, number, etag)
        except BaseException:
            tree.discard(folder, partial)
            raise
        finally:
            reader.close()
        told = [("LastModified", when(stored.mtime_ns)), ("ETag", f'"{etag}"')]
        return Reply.xml(document("CopyPartResult", told))

    def get_tags(self, call: Call) -> Reply:
        """GetObjectTagging."""
        tags = self._buckets.get(call.bucket).head(call.key).kept.tags
        listed = [("Tag", [("Key", key), ("Value", value)]) for key, value in tags.items()]
        return Reply.xml(document("Tagging", [("TagSet", listed)]))

    def put_tags(self, call: Call) -> Reply:
        """PutObjectTagging."""
        bucket = self._buckets.get(call.bucket)
        found = bucket.head(call.key)
        metadata.save_tags(bucket.tree.meta, found.attr.ino, xml.parse_tags(call.body))
        return Reply(200)

    def delete_tags(self, call: Call) -> Reply:
        """DeleteObjectTagging."""
        bucket = self._buckets.get(call.bucket)
        metadata.save_tags(bucket.tree.meta, bucket.head(call.key).attr.ino, {})
        return Reply(204)

    def get_acl(self, call: Call) -> Reply:
        """GetObjectAcl: there is one owner, who may do everything."""
        self._buckets.get(call.bucket).head(call.key)
        return owner_acl()

    def begin_upload(self, call: Call) -> Reply:
        """CreateMultipartUpload."""
        bucket = self._buckets.get(call.bucket)
        kept = metadata.of_request(call.headers, tags=tags_of_header(call))
        upload = self._uploads.begin(bucket, call.key, kept)
        told = [("Bucket", bucket.name), ("Key", call.key), ("UploadId", upload.upload_id)]
        return Reply.xml(document("InitiateMultipartUploadResult", told))

    def complete_upload(self, call: Call) -> Reply:
        """CompleteMultipartUpload."""
        bucket = self._buckets.get(call.bucket)
        upload = self._uploads.get(bucket, call.key, call.query["uploadId"])
        there = bucket.find(call.key)
        only_new = conditions.for_write(call.headers, there.etag if there else None)
        parts = xml.parse_parts(call.body)
        done = self._uploads.complete(bucket, upload, parts, only_new=only_new)
        told = [
            ("Location", f"/{bucket.name}/{call.key}"),
            ("Bucket", bucket.name),
            ("Key", call.key),
            ("ETag", f'"{done.etag}"'),
        ]
        return Reply.xml(document("CompleteMultipartUploadResult", told))

    def abort_upload(self, call: Call) -> Reply:
        """AbortMultipartUpload."""
        bucket = self._buckets.get(call.bucket)
        self._uploads.abort(self._uploads.get(bucket, call.key, call.query["uploadId"]))
        return Reply(204)

    def list_parts(self, call: Call) -> Reply:
        """ListParts."""
        bucket = self._buckets.get(call.bucket)
        upload = self._uploads.get(bucket, call.key, call.query["uploadId"])
        after, limit = call.number("part-number-marker", 0), call.number("max-parts", 1000)
        parts = [part for part in self._uploads.parts(upload) if part.number > after]
        shown = parts[: min(limit, 1000)]
        told: list[tuple[str, object]] = [
            ("Bucket", bucket.name),
            ("Key", call.key),
            ("UploadId", upload.upload_id),
            ("PartNumberMarker", after),
            ("NextPartNumberMarker", shown[-1].number if shown else 0),
            ("MaxParts", limit),
            ("IsTruncated", len(shown) < len(parts)),
        ]
        for part in shown:
            row = [
                ("PartNumber", part.number),
                ("LastModified", when(part.attr.mtime_ns)),
                ("ETag", f'"{part.etag}"'),
                ("Size", part.attr.size_bytes),
            ]
            told.append(("Part", row))
        return Reply.xml(document("ListPartsResult", told))


def tags_of_header(call: Call) -> dict[str, str]:
    """Tags that an upload carries in its header."""
    return dict(parse_qsl(call.headers.get("x-amz-tagging", ""), keep_blank_values=True))


def owner_acl() -> Reply:
    """The only access list there is."""
    owner = [("ID", "dffs"), ("DisplayName", "dffs")]
    grant = [("Grantee", owner), ("Permission", "FULL_CONTROL")]
    told = [("Owner", owner), ("AccessControlList", [("Grant", grant)])]
    return Reply.xml(document("AccessControlPolicy", told))


def _cut(reply: Reply, call: Call, found: Object) -> None:
    """Narrow an answer to the range that was asked for; several ranges are the whole, as in S3."""
    text = call.headers.get("range")
    if not text:
        return
    wanted = call.headers.get("if-range")
    if wanted and wanted.strip('"') != found.etag:
        return
    try:
        ranges = parse_range_header(text, found.size_bytes)
    except RangeNotSatisfiable as error:
        raise S3Error("InvalidRange") from error
    if ranges and len(ranges) == 1:
        one = ranges[0]
        reply.status, reply.start, reply.length = 206, one.start, one.size
        reply.headers["Content-Range"] = f"bytes {one.start}-{one.end - 1}/{found.size_bytes}"


def _sum_of(found: Object) -> dict[str, str]:
    """The digest of the whole, which clients compare with what they receive."""
    if not found.attr.content.startswith("sha256:"):
        return {}
    value = bytes.fromhex(found.attr.content.removeprefix("sha256:"))
    return {
        "x-amz-checksum-sha256": base64.b64encode(value).decode(),
        "x-amz-checksum-type": "FULL_OBJECT",
    }


def _md5(read: Callable[[int, int], bytes], size: int) -> str:
    hasher, offset = hashlib.md5(usedforsecurity=False), 0
    while offset < size:
        data = read(offset, min(4 << 20, size - offset))
        hasher.update(data)
        offset += len(data)
    return hasher.hexdigest()
