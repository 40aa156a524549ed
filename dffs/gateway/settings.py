"""What S3 buckets can have and those here do not: answered as S3 answers for a bucket without it.

Clients ask for some of it before they work (`s3cmd info`, terraform, consoles); "not implemented" would
stop them. Changing any of it is refused by `routes`.
"""

from __future__ import annotations

from collections.abc import Callable

from dffs.gateway.buckets import Buckets
from dffs.gateway.calls import Call, Reply
from dffs.gateway.errors import S3Error
from dffs.gateway.xml import document

# Sub-resource -> the refusal that says that there is none.
_MISSING = {
    "cors": "NoSuchCORSConfiguration",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "ownershipControls": "OwnershipControlsNotFoundError",
    "policy": "NoSuchBucketPolicy",
    "policyStatus": "NoSuchBucketPolicy",
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "replication": "ReplicationConfigurationNotFoundError",
    "tagging": "NoSuchTagSet",
    "website": "NoSuchWebsiteConfiguration",
}
# Sub-resource -> the document that says that it is off.
_OFF = {
    "accelerate": document("AccelerateConfiguration", []),
    "logging": document("BucketLoggingStatus", []),
    "notification": document("NotificationConfiguration", []),
    "requestPayment": document("RequestPaymentConfiguration", [("Payer", "BucketOwner")]),
    "versioning": document("VersioningConfiguration", []),
}
# What the one version of an object is called where versions were never on.
ONLY_VERSION = "null"


def settings(buckets: Buckets) -> dict[tuple[str, str], Callable[[Call], Reply]]:
    """An operation for each, by method and sub-resource."""

    def missing(code: str) -> Callable[[Call], Reply]:
        def answer(call: Call) -> Reply:
            buckets.get(call.bucket)
            raise S3Error(code)

        return answer

    def off(told: bytes) -> Callable[[Call], Reply]:
        def answer(call: Call) -> Reply:
            buckets.get(call.bucket)
            return Reply.xml(told)

        return answer

    return {
        **{("GET", name): missing(code) for name, code in _MISSING.items()},
        **{("GET", name): off(told) for name, told in _OFF.items()},
    }


def check_version(version: str | None) -> None:
    """Refuse what means another version than the one there is. Raises S3Error."""
    if version is not None and version != ONLY_VERSION:
        raise S3Error("NoSuchVersion")
