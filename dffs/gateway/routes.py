"""Which operation a request means: by bucket or key, method and sub-resource. Pure."""

from __future__ import annotations

from collections.abc import Callable

from dffs.gateway.bucketcalls import BucketCalls
from dffs.gateway.calls import Call, Reply
from dffs.gateway.errors import S3Error
from dffs.gateway.objectcalls import ObjectCalls
from dffs.gateway.settings import check_version

Operation = Callable[[Call], Reply]

_OFFERED = ("acl", "delete", "location", "list-type", "tagging", "uploads", "versions")
_OF_UPLOADS = ("partNumber", "uploadId")
# What is refused by name: without that it would be taken for the plain operation.
_REFUSED = (
    *("accelerate", "analytics", "append", "attributes", "cors", "encryption", "inventory"),
    *("intelligent-tiering", "legal-hold", "lifecycle", "logging", "metrics", "notification"),
    *("object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock"),
    *("replication", "requestPayment", "restore", "retention", "select", "torrent", "versioning"),
    "website",
)
_KNOWN = frozenset((*_OFFERED, *_OF_UPLOADS, *_REFUSED))


def sub_resources(call: Call) -> list[str]:
    """The sub-resources that a query names."""
    return sorted(name for name in call.query if name in _KNOWN)


def is_upload(call: Call) -> bool:
    """PutObject or UploadPart: the body is the content."""
    if call.method != "PUT" or not call.key or "x-amz-copy-source" in call.headers:
        return False
    return all(name in _OF_UPLOADS for name in sub_resources(call))


class Routes:
    """All operations but the uploads of bytes."""

    def __init__(
        self,
        objects: ObjectCalls,
        buckets: BucketCalls,
        bucket_settings: dict[tuple[str, str], Operation],
    ) -> None:
        def copy(call: Call) -> Reply:
            return objects.copy_part(call) if "uploadId" in call.query else objects.copy(call)

        self._of_server: dict[tuple[str, str], Operation] = {("GET", ""): buckets.list_buckets}
        self._of_objects: dict[tuple[str, str], Operation] = {
            ("GET", ""): objects.read,
            ("HEAD", ""): objects.read,
            ("PUT", ""): copy,
            ("DELETE", ""): objects.delete,
            ("GET", "tagging"): objects.get_tags,
            ("PUT", "tagging"): objects.put_tags,
            ("DELETE", "tagging"): objects.delete_tags,
            ("GET", "acl"): objects.get_acl,
            ("POST", "uploads"): objects.begin_upload,
            ("POST", "uploadId"): objects.complete_upload,
            ("DELETE", "uploadId"): objects.abort_upload,
            ("GET", "uploadId"): objects.list_parts,
        }
        self._of_buckets: dict[tuple[str, str], Operation] = {
            ("GET", ""): buckets.list_v1,
            ("GET", "list-type"): buckets.list_v2,
            ("HEAD", ""): buckets.head,
            ("PUT", ""): buckets.create,
            ("DELETE", ""): buckets.delete,
            ("POST", "delete"): buckets.delete_objects,
            ("GET", "location"): buckets.location,
            ("GET", "acl"): buckets.acl,
            ("GET", "uploads"): buckets.list_uploads,
            ("GET", "versions"): buckets.list_versions,
        } | bucket_settings

    def find(self, call: Call) -> Operation:
        """The operation. Raises S3Error."""
        table = self._of_objects if call.key else self._of_buckets
        if not call.bucket:
            table = self._of_server
        if call.key:
            check_version(call.query.get("versionId"))
        for sub in (*sub_resources(call), ""):
            found = table.get((call.method, sub))
            if found is not None:
                return found
            if sub in _REFUSED or sub in _OFFERED:
                raise S3Error("NotImplemented", f"{call.method} ?{sub} is not offered here.")
        raise S3Error("MethodNotAllowed")
