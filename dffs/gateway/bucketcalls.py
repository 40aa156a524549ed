"""Operations on buckets and listings. Called in threads; each takes a Call."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from urllib.parse import quote

from dfcore.errors import MeganeuraError
from dffs.gateway import xml
from dffs.gateway.buckets import Buckets
from dffs.gateway.calls import Call, Reply
from dffs.gateway.errors import S3Error, of_os_error
from dffs.gateway.listing import MAX_KEYS, Page, Query, page
from dffs.gateway.multipart import Uploads
from dffs.gateway.settings import ONLY_VERSION, check_version
from dffs.gateway.xml import document, when
from dfinfra.logs import get_logger

_OWNER = [("ID", "dffs"), ("DisplayName", "dffs")]
_log = get_logger("gateway")

Children = list[tuple[str, object]]


class BucketCalls:
    """What clients do with buckets."""

    def __init__(self, buckets: Buckets, uploads: Uploads) -> None:
        self._buckets = buckets
        self._uploads = uploads

    def list_buckets(self, call: Call) -> Reply:
        """ListBuckets."""
        rows = [
            ("Bucket", [("Name", name), ("CreationDate", when(made_ns))])
            for name, made_ns in self._buckets.all()
        ]
        return Reply.xml(document("ListAllMyBucketsResult", [("Owner", _OWNER), ("Buckets", rows)]))

    def head(self, call: Call) -> Reply:
        """HeadBucket."""
        self._buckets.get(call.bucket)
        return Reply(200, {"x-amz-bucket-region": "us-east-1"})

    def create(self, call: Call) -> Reply:
        """CreateBucket."""
        self._buckets.create(call.bucket)
        return Reply(200, {"Location": f"/{call.bucket}"})

    def delete(self, call: Call) -> Reply:
        """DeleteBucket."""
        self._buckets.delete(call.bucket)
        return Reply(204)

    def location(self, call: Call) -> Reply:
        """GetBucketLocation."""
        self._buckets.get(call.bucket)
        return Reply.xml(document("LocationConstraint", []))

    def acl(self, call: Call) -> Reply:
        """GetBucketAcl."""
        from dffs.gateway.objectcalls import owner_acl

        self._buckets.get(call.bucket)
        return owner_acl()

    def list_v1(self, call: Call) -> Reply:
        """ListObjects."""
        bucket = self._buckets.get(call.bucket)
        marker = call.query.get("marker", "")
        query = _query(call, marker)
        found = page(bucket, query)
        encode = _encoder(call)
        own = (("Marker", encode(marker)), ("MaxKeys", query.max_keys))
        told = _told(call, bucket.name, query, found, own)
        if found.truncated:
            told.append(("NextMarker", encode(found.last)))
        return Reply.xml(document("ListBucketResult", told + _rows(found, encode, owner=True)))

    def list_v2(self, call: Call) -> Reply:
        """ListObjectsV2."""
        bucket = self._buckets.get(call.bucket)
        start, token = call.query.get("start-after", ""), call.query.get("continuation-token")
        query = _query(call, _from_token(token) if token else start)
        found = page(bucket, query)
        encode = _encoder(call)
        count = len(found.objects) + len(found.prefixes)
        own = (("MaxKeys", query.max_keys), ("KeyCount", count))
        told = _told(call, bucket.name, query, found, own)
        if start:
            told.append(("StartAfter", encode(start)))
        if token:
            told.append(("ContinuationToken", token))
        if found.truncated:
            told.append(("NextContinuationToken", _to_token(found.last)))
        owner = call.query.get("fetch-owner") == "true"
        return Reply.xml(document("ListBucketResult", told + _rows(found, encode, owner=owner)))

    def list_versions(self, call: Call) -> Reply:
        """ListObjectVersions: of each object the one there is."""
        bucket = self._buckets.get(call.bucket)
        marker = call.query.get("key-marker", "")
        query = _query(call, marker)
        found = page(bucket, query)
        encode = _encoder(call)
        own = (
            ("KeyMarker", encode(marker)),
            ("VersionIdMarker", call.query.get("version-id-marker", "")),
            ("MaxKeys", query.max_keys),
        )
        told = _told(call, bucket.name, query, found, own)
        if found.truncated:
            told += [("NextKeyMarker", encode(found.last)), ("NextVersionIdMarker", ONLY_VERSION)]
        version = (("VersionId", ONLY_VERSION), ("IsLatest", True))
        rows = _rows(found, encode, owner=True, name="Version", also=version)
        return Reply.xml(document("ListVersionsResult", told + rows))

    def delete_objects(self, call: Call) -> Reply:
        """DeleteObjects."""
        bucket = self._buckets.get(call.bucket)
        keys, quiet = xml.parse_deletes(call.body)
        told: Children = []
        for key, version in keys:
            try:
                check_version(version or None)
                bucket.delete(key)
            except (OSError, MeganeuraError) as error:
                _log.warning("delete failed", bucket=bucket.name, key=key, error=str(error))
                known = error if isinstance(error, S3Error) else _refusal(error)
                row = [("Key", key), ("Code", known.name), ("Message", str(known))]
                told.append(("Error", row))
            else:
                if not quiet:
                    told.append(("Deleted", [("Key", key)]))
        return Reply.xml(document("DeleteResult", told))

    def list_uploads(self, call: Call) -> Reply:
        """ListMultipartUploads: all at once, they are few."""
        bucket = self._buckets.get(call.bucket)
        prefix = call.query.get("prefix", "")
        told: Children = [
            ("Bucket", bucket.name),
            ("Prefix", prefix),
            ("MaxUploads", 1000),
            ("IsTruncated", False),
        ]
        for upload in sorted(self._uploads.all(), key=lambda one: (one.key, one.begun_ns)):
            if upload.bucket == bucket.name and upload.key.startswith(prefix):
                row = [
                    ("Key", upload.key),
                    ("UploadId", upload.upload_id),
                    ("Initiator", _OWNER),
                    ("Owner", _OWNER),
                    ("StorageClass", "STANDARD"),
                    ("Initiated", when(upload.begun_ns)),
                ]
                told.append(("Upload", row))
        return Reply.xml(document("ListMultipartUploadsResult", told))


def _refusal(error: Exception) -> S3Error:
    return of_os_error(error) if isinstance(error, OSError) else S3Error("SlowDown")


def _query(call: Call, after: str) -> Query:
    return Query(
        call.query.get("prefix", ""),
        call.query.get("delimiter", ""),
        after,
        call.number("max-keys", MAX_KEYS),
    )


def _encoder(call: Call) -> Callable[[str], str]:
    if call.query.get("encoding-type") == "url":
        return lambda text: quote(text, safe="/", errors="surrogateescape")
    return lambda text: text.encode("utf-8", "replace").decode()


def _encoding(call: Call) -> Children:
    kind = call.query.get("encoding-type")
    if kind not in (None, "url"):
        raise S3Error("InvalidArgument", "encoding-type is url.")
    return [("EncodingType", kind)] if kind else []


def _told(
    call: Call, bucket: str, query: Query, found: Page, own: Sequence[tuple[str, object]]
) -> Children:
    """What every kind of listing says before its rows, with what this kind has of its own."""
    encode = _encoder(call)
    return [
        ("Name", bucket),
        ("Prefix", encode(query.prefix)),
        *own,
        *_delimiter(query, encode),
        *_encoding(call),
        ("IsTruncated", found.truncated),
    ]


def _delimiter(query: Query, encode: Callable[[str], str]) -> Children:
    return [("Delimiter", encode(query.delimiter))] if query.delimiter else []


def _rows(
    found: Page,
    encode: Callable[[str], str],
    *,
    owner: bool,
    name: str = "Contents",
    also: Sequence[tuple[str, object]] = (),
) -> Children:
    rows: Children = []
    for one in found.objects:
        row: Children = [
            ("Key", encode(one.key)),
            *also,
            ("LastModified", when(one.attr.mtime_ns)),
            ("ETag", f'"{one.etag}"'),
            ("Size", one.size_bytes),
            ("StorageClass", "STANDARD"),
        ]
        if owner:
            row.append(("Owner", _OWNER))
        rows.append((name, row))
    rows += [("CommonPrefixes", [("Prefix", encode(prefix))]) for prefix in found.prefixes]
    return rows


def _to_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode("utf-8", "surrogateescape")).decode()


def _from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidArgument", "The continuation token is not one of ours.") from error
