"""Uploads that end badly leave nothing; https, other stores and several buckets work as well."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import time
from pathlib import Path
from typing import Any

import botocore.awsrequest
import pytest
from botocore.exceptions import ClientError

from dfcore.errors import BadInput, ConfigError, Denied, NoSpace
from dffs.cli.gateway import tls_context
from dffs.gateway.keys import load_keys
from dffs.options import VolumeOptions
from dffs.sync.addresses import open_address
from dffs.sync.planner import Rules
from dffs.sync.runner import Options, Runner
from dffs.sync.volumes import VolumeTree
from dffs.tree import Tree
from dffs.volume import Volume
from dfinfra.authority import create_ca
from tests.component.dffs_tools.conftest import ACCESS, SECRET, Gateway

KIB = 1024


def _names(tree: Tree) -> list[bytes]:
    """Every name at the root but the gateway's own folder."""
    return [entry.name for entry in tree.listdir("") if entry.name != b".dffs-gateway"]


def test_a_client_that_goes_away_leaves_nothing(gateway: Gateway, tree: Tree) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    client = gateway.client(signature_version="s3v4")
    url = client.generate_presigned_url("put_object", Params={"Bucket": "models", "Key": "half"})
    client.close()
    target = url.removeprefix(gateway.url)
    with socket.create_connection((host, int(port))) as raw:
        head = f"PUT {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 4000000\r\n\r\n"
        raw.sendall(head.encode() + os.urandom(2_500_000))
        deadline = time.monotonic() + 10
        while not _names(tree) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert _names(tree), "the upload has begun"
    deadline = time.monotonic() + 10
    while _names(tree) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _names(tree) == []


def test_wrong_content_leaves_what_was_there(s3: Any, tree: Tree) -> None:
    s3.put_object(Bucket="models", Key="a", Body=b"right")
    with pytest.raises(ClientError) as told:
        s3.put_object(
            Bucket="models", Key="a", Body=b"wrong", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="
        )
    assert told.value.response["Error"]["Code"] == "BadDigest"
    with pytest.raises(ClientError):
        s3.put_object(Bucket="models", Key="a", Body=b"wrong", ChecksumSHA256="AAAA" * 11)
    assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b"right"
    assert _names(tree) == [b"a"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NoSpace("the store is full"), 507, "QuotaExceeded"),
        (Denied("the store refuses us"), 403, "AccessDenied"),
        (BadInput("a bug"), 500, "InternalError"),
    ],
)
def test_a_store_that_fails_is_told_and_leaves_nothing(
    s3: Any,
    volume: Volume,
    tree: Tree,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(volume.blocks, "put", fail)
        with pytest.raises(ClientError) as told:
            s3.put_object(Bucket="models", Key="d/a", Body=os.urandom(300_000))
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert told.value.response["Error"]["Code"] == code
    assert [key for key, _ in tree.keys(tree.root) if not key.endswith(b"/")] == []
    s3.put_object(Bucket="models", Key="d/a", Body=b"now it works")


def test_content_that_is_here_is_not_sent(
    s3: Any, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(500_000)
    s3.put_object(Bucket="models", Key="a", Body=io.BytesIO(content))
    sent: list[int] = []
    real = botocore.awsrequest.AWSConnection._send_message_body

    def counting(self: Any, body: Any) -> None:
        sent.append(1)
        real(self, body)

    monkeypatch.setattr(botocore.awsrequest.AWSConnection, "_send_message_body", counting)
    body = io.BytesIO(content)
    s3.put_object(Bucket="models", Key="b", Body=body, Metadata={"n": "1"})
    head = s3.head_object(Bucket="models", Key="b")
    assert (head["ContentLength"], head["Metadata"]) == (500_000, {"n": "1"})
    assert head["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    assert tree.stat("b").content == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert not sent


def test_what_is_read_is_checked_against_the_digest(s3: Any) -> None:
    content = os.urandom(100_000)
    s3.put_object(Bucket="models", Key="a", Body=content)
    got = s3.get_object(Bucket="models", Key="a", ChecksumMode="ENABLED")
    assert got["ChecksumSHA256"]
    assert got["Body"].read() == content


def test_https_with_bodies_in_chunks(volume: Volume, tmp_path: Path) -> None:
    authority = create_ca(tmp_path / "ca", "test")
    chain, key = authority.leaf("gateway", names=("127.0.0.1",), days=2)
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    running = Gateway(volume, tls=tls_context(tmp_path / "chain.pem", tmp_path / "key.pem"))
    running.url = running.url.replace("http:", "https:")
    client = running.client(verify=str(tmp_path / "ca/ca.crt"))
    try:
        content = os.urandom(3_000_000)
        client.put_object(Bucket="models", Key="a", Body=io.BytesIO(content))
        assert client.get_object(Bucket="models", Key="a")["Body"].read() == content
        for name in ("CRC32C", "CRC64NVME", "SHA1"):
            client.put_object(
                Bucket="models", Key="b", Body=io.BytesIO(content), ChecksumAlgorithm=name
            )
    finally:
        client.close()
        running.stop()
    with pytest.raises(BadInput):
        tls_context(tmp_path / "chain.pem", None)


def test_several_buckets(volume: Volume) -> None:
    running = Gateway(volume, multi_buckets=True)
    client = running.client()
    try:
        client.create_bucket(Bucket="first")
        client.create_bucket(Bucket="second")
        assert [one["Name"] for one in client.list_buckets()["Buckets"]] == ["first", "second"]
        client.put_object(Bucket="first", Key="a/b", Body=b"1")
        client.copy_object(Bucket="second", Key="c", CopySource="first/a/b")
        assert Tree(volume.meta, volume.files).stat("second/c").size_bytes == 1
        with pytest.raises(ClientError) as told:
            client.delete_bucket(Bucket="second")
        assert told.value.response["Error"]["Code"] == "BucketNotEmpty"
        client.delete_object(Bucket="second", Key="c")
        client.delete_bucket(Bucket="second")
    finally:
        client.close()
        running.stop()


def test_a_read_only_gateway(volume: Volume) -> None:
    Tree(volume.meta, volume.files).write("a", [b"1"])
    running = Gateway(volume, read_only=True)
    client = running.client()
    try:
        assert client.get_object(Bucket="models", Key="a")["Body"].read() == b"1"
        for call in (client.put_object, client.delete_object):
            with pytest.raises(ClientError) as told:
                call(Bucket="models", Key="a")
            assert told.value.response["Error"]["Code"] == "AccessDenied"
    finally:
        client.close()
        running.stop()


def test_sync_through_s3(gateway: Gateway, volume: Volume, tmp_path: Path) -> None:
    (tmp_path / "source/m").mkdir(parents=True)
    content = {"m/é b.bin": os.urandom(9 << 20), "m/empty": b"", "z": b"1"}
    for name, data in content.items():
        (tmp_path / "source" / name).write_bytes(data)
    host = gateway.url.removeprefix("http://")
    there = open_address(f"s3+http://{ACCESS}:{SECRET}@{host}/models/up/", VolumeOptions())
    assert SECRET not in there.label
    source = open_address(f"{tmp_path}/source/", VolumeOptions())
    outcome = Runner(source, there, Rules(), Options(threads=3)).run()
    assert (outcome.copied, outcome.errors) == (3, [])
    kept = VolumeTree(volume, "up", "v")
    files = [item for item in kept.items() if not item.is_directory]
    assert {item.key: b"".join(kept.read(item)) for item in files} == content
    back = open_address(f"{tmp_path}/back/", VolumeOptions())
    assert Runner(there, back, Rules(), Options(check_new=True)).run().copied == 3
    again = Runner(there, back, Rules(delete_source=True), Options()).run()
    assert (again.deleted, list(there.items())) == (3, [])


def test_keys_come_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    assert load_keys(None, {"MINIO_ROOT_USER": "u", "MINIO_ROOT_PASSWORD": "p" * 8}) == {
        "u": "p" * 8
    }
    file = tmp_path / "keys"
    file.write_text("# comment\nAK : a secret:key \n")
    file.chmod(0o600)
    assert load_keys(file, {}) == {"AK": "a secret:key"}
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod"):
        load_keys(file, {})
    with pytest.raises(BadInput, match="needs keys"):
        load_keys(None, {})
    with pytest.raises(BadInput, match="shorter") as told:
        load_keys(None, {"DFFS_ACCESS_KEY": "AK", "DFFS_SECRET_KEY": "short"})
    assert "short " not in str(told.value).replace("shorter", "")
