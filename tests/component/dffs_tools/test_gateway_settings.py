"""What buckets here do not have: a client that asks is told so as S3 tells it, and destroys nothing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def _refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as told:
        call(**arguments)
    return str(told.value.response["Error"]["Code"])


def test_settings_that_there_are_not(s3: Any) -> None:
    for operation, code in {
        "get_bucket_cors": "NoSuchCORSConfiguration",
        "get_bucket_encryption": "ServerSideEncryptionConfigurationNotFoundError",
        "get_bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration",
        "get_bucket_ownership_controls": "OwnershipControlsNotFoundError",
        "get_bucket_policy": "NoSuchBucketPolicy",
        "get_bucket_policy_status": "NoSuchBucketPolicy",
        "get_bucket_replication": "ReplicationConfigurationNotFoundError",
        "get_bucket_tagging": "NoSuchTagSet",
        "get_bucket_website": "NoSuchWebsiteConfiguration",
        "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError",
        "get_public_access_block": "NoSuchPublicAccessBlockConfiguration",
    }.items():
        assert _refusal(getattr(s3, operation), Bucket="models") == code
        assert _refusal(getattr(s3, operation), Bucket="others") == "NoSuchBucket"


def test_settings_that_are_off(s3: Any) -> None:
    for operation in (
        "get_bucket_accelerate_configuration",
        "get_bucket_logging",
        "get_bucket_notification_configuration",
        "get_bucket_versioning",
    ):
        told = getattr(s3, operation)(Bucket="models")
        assert set(told) == {"ResponseMetadata"}
    assert s3.get_bucket_request_payment(Bucket="models")["Payer"] == "BucketOwner"


def test_what_would_change_a_setting_is_refused(s3: Any) -> None:
    on = {"Status": "Enabled"}
    code = _refusal(s3.put_bucket_versioning, Bucket="models", VersioningConfiguration=on)
    assert code == "NotImplemented"
    assert _refusal(s3.put_bucket_policy, Bucket="models", Policy="{}") == "NotImplemented"
    assert _refusal(s3.delete_bucket_policy, Bucket="models") == "NotImplemented"


def test_every_object_has_one_version(s3: Any) -> None:
    keys = ["a", "b/c", "b/d", "e"]
    for key in keys:
        s3.put_object(Bucket="models", Key=key, Body=b"x")
    pages = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket="models", PaginationConfig={"PageSize": 3}
        )
    )
    rows = [row for page in pages for row in page["Versions"]]
    assert [(row["Key"], row["VersionId"], row["IsLatest"]) for row in rows] == [
        (key, "null", True) for key in keys
    ]
    assert len(pages) == 2
    top = s3.list_object_versions(Bucket="models", Delimiter="/")
    assert [one["Prefix"] for one in top["CommonPrefixes"]] == ["b/"]
    got = s3.get_object(Bucket="models", Key="a", VersionId="null")
    assert got["Body"].read() == b"x"
    s3.delete_object(Bucket="models", Key="a", VersionId="null")
    assert _refusal(s3.get_object, Bucket="models", Key="a") == "NoSuchKey"


def test_another_version_is_neither_read_nor_deleted(s3: Any) -> None:
    old = {"Bucket": "models", "Key": "a", "VersionId": "3HL4kqtJvjVBH40Nrjfkd"}
    s3.put_object(Bucket="models", Key="a", Body=b"x")
    assert _refusal(s3.get_object, **old) == "NoSuchVersion"
    assert _refusal(s3.delete_object, **old) == "NoSuchVersion"
    source = {"Bucket": "models", "Key": "a", "VersionId": old["VersionId"]}
    assert _refusal(s3.copy_object, Bucket="models", Key="b", CopySource=source) == "NoSuchVersion"
    told = s3.delete_objects(
        Bucket="models", Delete={"Objects": [{"Key": "a", "VersionId": old["VersionId"]}]}
    )
    assert [(one["Key"], one["Code"]) for one in told["Errors"]] == [("a", "NoSuchVersion")]
    assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b"x"
