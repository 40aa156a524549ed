"""What boto3 does with models, done at the gateway; a mount would see the same files."""

from __future__ import annotations

import hashlib
import io
import os
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from dffs.tree import Tree
from tests.component.dffs_tools.conftest import Gateway

MIB = 1 << 20


def _code(told: pytest.ExceptionInfo[ClientError]) -> str:
    return str(told.value.response["Error"]["Code"])


def _keys(answer: dict[str, Any]) -> list[str]:
    return [one["Key"] for one in answer.get("Contents", [])]


def test_an_object_is_a_file_and_a_file_an_object(s3: Any, tree: Tree) -> None:
    content = os.urandom(300_000)
    put = s3.put_object(Bucket="models", Key="org/m/é w+x.bin", Body=content, Metadata={"a": "b"})
    with tree.open_read("org/m/é w+x.bin") as file:
        assert file.read() == content
    got = s3.get_object(Bucket="models", Key="org/m/é w+x.bin")
    assert got["Body"].read() == content
    assert (got["ETag"], got["Metadata"]) == (put["ETag"], {"a": "b"})
    tree.write("from/mount", [b"hello"])
    head = s3.head_object(Bucket="models", Key="from/mount")
    assert head["ContentLength"] == 5
    assert head["ETag"].endswith('-1"')


def test_empty_objects_and_overwriting(s3: Any) -> None:
    s3.put_object(Bucket="models", Key="a", Body=b"")
    assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b""
    s3.put_object(Bucket="models", Key="a", Body=b"new")
    assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b"new"


def test_ranges(s3: Any) -> None:
    content = os.urandom(200_000)
    s3.put_object(Bucket="models", Key="a", Body=content)
    for text, expected in [
        ("bytes=0-99", content[:100]),
        ("bytes=65530-131080", content[65530:131081]),
        ("bytes=199990-", content[199990:]),
        ("bytes=-10", content[-10:]),
    ]:
        got = s3.get_object(Bucket="models", Key="a", Range=text)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["Body"].read() == expected
    with pytest.raises(ClientError) as told:
        s3.get_object(Bucket="models", Key="a", Range="bytes=200000-")
    assert _code(told) == "InvalidRange"


def test_a_wrong_secret_is_refused(gateway: Gateway) -> None:
    client = gateway.client(secret="another secret")
    with pytest.raises(ClientError) as told:
        client.list_buckets()
    assert _code(told) == "SignatureDoesNotMatch"
    with pytest.raises(ClientError) as told:
        client.put_object(Bucket="models", Key="a", Body=b"x")
    assert _code(told) == "SignatureDoesNotMatch"
    client.close()
    with pytest.raises(urllib.error.HTTPError) as anonymous:
        urllib.request.urlopen(f"{gateway.url}/models/a")
    assert anonymous.value.code == 403
    anonymous.value.close()


def test_presigned_urls(gateway: Gateway) -> None:
    old = gateway.client(signature_version="s3")
    url = old.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "a b"})
    old.close()
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(url)
    assert b"s3v4" in told.value.read()
    s3 = gateway.client(signature_version="s3v4")
    s3.put_object(Bucket="models", Key="a b", Body=b"hello")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "a b"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"hello"
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "models", "Key": "new"})
    request = urllib.request.Request(put, data=b"by url", method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert s3.get_object(Bucket="models", Key="new")["Body"].read() == b"by url"
    s3.close()


def test_listing_with_prefix_delimiter_and_pages(s3: Any) -> None:
    keys = ["a!", "a.txt", "a/1", "a/2/x", "a/2/y", "a0", "b/c/d", "z"]
    for key in keys:
        s3.put_object(Bucket="models", Key=key, Body=b"x")
    assert _keys(s3.list_objects_v2(Bucket="models")) == sorted(keys)
    assert _keys(s3.list_objects(Bucket="models")) == sorted(keys)
    top = s3.list_objects_v2(Bucket="models", Delimiter="/")
    assert _keys(top) == ["a!", "a.txt", "a0", "z"]
    assert [one["Prefix"] for one in top["CommonPrefixes"]] == ["a/", "b/"]
    inner = s3.list_objects_v2(Bucket="models", Prefix="a/", Delimiter="/")
    assert _keys(inner) == ["a/1"]
    assert [one["Prefix"] for one in inner["CommonPrefixes"]] == ["a/2/"]
    assert _keys(s3.list_objects_v2(Bucket="models", Prefix="a/2")) == ["a/2/x", "a/2/y"]
    assert _keys(s3.list_objects_v2(Bucket="models", Prefix="a")) == sorted(keys)[:6]
    assert _keys(s3.list_objects_v2(Bucket="models", StartAfter="a/2/x")) == [
        "a/2/y",
        "a0",
        "b/c/d",
        "z",
    ]
    assert s3.list_objects_v2(Bucket="models", Prefix="none/")["KeyCount"] == 0


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("delimiter", ["", "/", "2"])
def test_pages_join_to_the_whole(s3: Any, size: int, delimiter: str) -> None:
    for key in ["a!", "a.txt", "a/1", "a/2/x", "a/2/y", "a0", "b/c/d", "z"]:
        s3.put_object(Bucket="models", Key=key, Body=b"x")
    whole = s3.list_objects_v2(Bucket="models", Delimiter=delimiter)
    for operation in ("list_objects_v2", "list_objects"):
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket="models", Delimiter=delimiter, PaginationConfig={"PageSize": size}
            )
        )
        assert [key for page in pages for key in _keys(page)] == _keys(whole)
        prefixes = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        assert prefixes == [one["Prefix"] for one in whole.get("CommonPrefixes", [])]


@pytest.mark.parametrize("part", [5 * MIB, 5 * MIB + 65536, 5 * MIB + 1])
def test_multipart(s3: Any, tree: Tree, part: int) -> None:
    content = os.urandom(2 * part + 12345)
    config = TransferConfig(multipart_threshold=MIB, multipart_chunksize=part, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(content), "models", "org/big", Config=config)
    with tree.open_read("org/big") as file:
        assert file.read() == content
    target = io.BytesIO()
    s3.download_fileobj("models", "org/big", target, Config=config)
    assert target.getvalue() == content
    assert s3.head_object(Bucket="models", Key="org/big")["ETag"].endswith('-3"')
    deadline = time.monotonic() + 20
    while not (learnt := tree.stat("org/big").content) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert learnt == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="models")


def test_a_multipart_upload_is_listed_and_aborted(s3: Any) -> None:
    begun = s3.create_multipart_upload(Bucket="models", Key="a", ContentType="x/y")
    named = {"Bucket": "models", "Key": "a", "UploadId": begun["UploadId"]}
    etag = s3.upload_part(**named, PartNumber=1, Body=b"small")["ETag"]
    assert [one["PartNumber"] for one in s3.list_parts(**named)["Parts"]] == [1]
    assert len(s3.list_multipart_uploads(Bucket="models")["Uploads"]) == 1
    assert _keys(s3.list_objects_v2(Bucket="models")) == []
    with pytest.raises(ClientError) as told:
        s3.complete_multipart_upload(
            **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}
        )
    assert _code(told) == "InvalidPart"
    again = s3.upload_part(**named, PartNumber=2, Body=b"last")["ETag"]
    parts = [{"PartNumber": 1, "ETag": etag}, {"PartNumber": 2, "ETag": again}]
    with pytest.raises(ClientError) as told:
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert _code(told) == "EntityTooSmall"
    s3.abort_multipart_upload(**named)
    with pytest.raises(ClientError) as told:
        s3.list_parts(**named)
    assert _code(told) == "NoSuchUpload"


def test_parts_are_copied_from_objects(s3: Any) -> None:
    content = os.urandom(6 * MIB)
    s3.put_object(Bucket="models", Key="source", Body=content)
    begun = s3.create_multipart_upload(Bucket="models", Key="joined")
    named = {"Bucket": "models", "Key": "joined", "UploadId": begun["UploadId"]}
    source = {"Bucket": "models", "Key": "source"}
    first = s3.upload_part_copy(
        **named, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=0-{5 * MIB}"
    )
    second = s3.upload_part_copy(
        **named, PartNumber=2, CopySource=source, CopySourceRange="bytes=1-10"
    )
    parts = [
        {"PartNumber": number, "ETag": one["CopyPartResult"]["ETag"]}
        for number, one in [(1, first), (2, second)]
    ]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    got = s3.get_object(Bucket="models", Key="joined")["Body"].read()
    assert got == content[: 5 * MIB + 1] + content[1:11]


def test_copies_store_nothing_again(s3: Any, tree: Tree) -> None:
    s3.put_object(Bucket="models", Key="a", Body=os.urandom(200_000), ContentType="x/y")
    before = tree.meta.block_uses()
    copied = s3.copy_object(Bucket="models", Key="d/b", CopySource="models/a")
    assert copied["CopyObjectResult"]["ETag"] == s3.head_object(Bucket="models", Key="a")["ETag"]
    assert s3.head_object(Bucket="models", Key="d/b")["ContentType"] == "x/y"
    assert len(tree.meta.block_uses()) == len(before)
    with pytest.raises(ClientError) as told:
        s3.copy_object(Bucket="models", Key="a", CopySource="models/a")
    assert _code(told) == "InvalidRequest"
    s3.copy_object(
        Bucket="models",
        Key="a",
        CopySource="models/a",
        MetadataDirective="REPLACE",
        Metadata={"n": "1"},
    )
    assert s3.head_object(Bucket="models", Key="a")["Metadata"] == {"n": "1"}


def test_deleting_takes_empty_directories_along(s3: Any, tree: Tree) -> None:
    for key in ("a/b/1", "a/b/2", "c"):
        s3.put_object(Bucket="models", Key=key, Body=b"x")
    s3.delete_object(Bucket="models", Key="a/b/1")
    s3.delete_object(Bucket="models", Key="a/none")
    assert tree.find("a/b/2") is not None
    gone = s3.delete_objects(
        Bucket="models", Delete={"Objects": [{"Key": "a/b/2"}, {"Key": "c"}, {"Key": "none"}]}
    )
    assert len(gone["Deleted"]) == 3
    assert [entry.name for entry in tree.listdir("")] == []


def test_directories_as_objects_stay(s3: Any, tree: Tree) -> None:
    s3.put_object(Bucket="models", Key="d/", Body=b"")
    s3.put_object(Bucket="models", Key="d/a", Body=b"x")
    assert _keys(s3.list_objects_v2(Bucket="models")) == ["d/", "d/a"]
    s3.delete_object(Bucket="models", Key="d/a")
    assert tree.find("d") is not None
    s3.delete_object(Bucket="models", Key="d/")
    assert tree.find("d") is None


def test_conditional_requests(s3: Any) -> None:
    etag = s3.put_object(Bucket="models", Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as told:
        s3.put_object(Bucket="models", Key="a", Body=b"2", IfNoneMatch="*")
    assert _code(told) == "PreconditionFailed"
    with pytest.raises(ClientError) as told:
        s3.put_object(Bucket="models", Key="a", Body=b"2", IfMatch='"x"')
    assert _code(told) == "PreconditionFailed"
    with pytest.raises(ClientError) as told:
        s3.get_object(Bucket="models", Key="a", IfNoneMatch=etag)
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    assert s3.get_object(Bucket="models", Key="a", IfMatch=etag)["Body"].read() == b"1"


def test_equal_content_is_not_stored_again(s3: Any, tree: Tree) -> None:
    content = os.urandom(500_000)
    s3.put_object(Bucket="models", Key="a", Body=content)
    before = len(tree.meta.block_uses())
    s3.put_object(Bucket="models", Key="b", Body=content)
    assert len(tree.meta.block_uses()) == before
    assert tree.stat("b").content == tree.stat("a").content != ""


def test_tags(s3: Any) -> None:
    s3.put_object(Bucket="models", Key="a", Body=b"1", Tagging="stage=prod&owner=x")
    tags = s3.get_object_tagging(Bucket="models", Key="a")["TagSet"]
    assert {one["Key"]: one["Value"] for one in tags} == {"stage": "prod", "owner": "x"}
    s3.put_object_tagging(
        Bucket="models", Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]}
    )
    assert s3.head_object(Bucket="models", Key="a")
    s3.delete_object_tagging(Bucket="models", Key="a")
    assert s3.get_object_tagging(Bucket="models", Key="a")["TagSet"] == []


@pytest.mark.parametrize("key", ["../x", "a/../b", "a//b", "/a", "./a", "x" * 300, ".dffs-x/a"])
def test_keys_that_are_no_paths_are_refused(s3: Any, key: str) -> None:
    with pytest.raises(ClientError) as told:
        s3.put_object(Bucket="models", Key=key, Body=b"x")
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


def test_what_is_not_there_is_told(s3: Any) -> None:
    with pytest.raises(ClientError) as told:
        s3.get_object(Bucket="models", Key="none")
    assert _code(told) == "NoSuchKey"
    with pytest.raises(ClientError) as told:
        s3.head_object(Bucket="models", Key="none")
    assert _code(told) == "404"
    with pytest.raises(ClientError) as told:
        s3.list_objects_v2(Bucket="other")
    assert _code(told) == "NoSuchBucket"
