"""Ids against the check vectors of Dragonfly's client (id_generator/mod.rs, url/mod.rs)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dfcore.digest import Digest
from dfcore.ids import (
    DEFAULT_FILTERED_QUERY_PARAMS,
    SIGNATURE_QUERY_PARAMS,
    blob_digest_in_url,
    filter_url,
    host_id,
    peer_id,
    task_id_by_content,
    task_id_by_url,
)

SHA256 = "b2c366cce7e68013d5441c6326d5a3e1b12aeb5ed58564d0fd3fa089bc29cb6e"
FILE = "https://example.com/file.txt"


@pytest.mark.parametrize(
    ("url", "inputs", "expected"),
    [
        (
            "https://example.com",
            {"tag": "foo", "application": "bar", "revision": "v1.0", "piece_length": 1024},
            "5844f27a257287e9b734256bb25603d8005422ced8c0377f15063ec11963b25f",
        ),
        (
            "https://example.com",
            {"tag": "foo", "application": "bar"},
            "06408fbf247ddaca478f8cb9565fe5591c28efd0994b8fea80a6a87d3203c5ca",
        ),
        (
            "https://example.com",
            {"tag": "foo"},
            "3c3f230ef9f191dd2821510346a7bc138e4894bee9aee184ba250a3040701d2a",
        ),
        (
            "https://example.com",
            {"application": "bar"},
            "c9f9261b7305c24371244f9f149f5d4589ed601348fdf22d7f6f4b10658fdba2",
        ),
        (
            "https://example.com",
            {"piece_length": 1024},
            "9f7c9aafbc6f30f8f41a96ca77eeae80c5b60964b3034b0ee43ccf7b2f9e52b8",
        ),
        (
            "https://example.com",
            {"revision": "v1.0"},
            "b171331534b80e0bf91da38ebbfcdbf4d177898f4b9beac44f14733e3f004d4e",
        ),
        (
            "https://example.com?foo=foo&bar=bar",
            {"filtered_query_params": ["foo", "bar"]},
            "457b4328cde278e422c9e243f7bfd1e97f511fec43a80f535cf6b0ef6b086776",
        ),
        (
            f"{FILE}?z=9&b=2&a=1",
            {"tag": "foo", "application": "bar", "filtered_query_params": ["z"]},
            "8b3f6e9b9b8fe20903bced565cfd1d0aaef354a4c17573f0c2c1979210443f9d",
        ),
        (
            f"{FILE}?b=2&a=1&b=1",
            {"filtered_query_params": ["c"]},
            "7c8801d0596be5e8f9449d5c4af23866c72fe5205119c0e5912981f3b16a37aa",
        ),
        (
            f"{FILE}?k=a b&m=x*y&n=c~d",
            {"piece_length": 1024, "filtered_query_params": ["none"]},
            "6196a6846023f6d3c1e4d30f6c86f3d4186e4c664a33e5692b0e04e49b26a9af",
        ),
        (
            f"{FILE}?a=1&b=2",
            {"tag": "foo", "filtered_query_params": ["a", "b"]},
            "c8f4b41117329d54af920010394f6f607bac707e933ab2f18d372e3dd4c7fcb3",
        ),
        (
            f"{FILE}?b=2&a=1",
            {},
            "980ee327518ccc5a7c30703e1a2232e8ba9047b39431f940636c85b6146f8b9a",
        ),
    ],
)
def test_task_id_by_url(url: str, inputs: dict[str, Any], expected: str) -> None:
    assert task_id_by_url(url, **inputs) == expected


def test_task_id_by_content() -> None:
    expected = "e2d0fe1585a63ec6009c8016ff8dda8b17719a637405a4e23c0ff81339148249"
    assert task_id_by_content("This is a test file") == expected


def test_parts_are_joined_without_separators_as_dragonfly_does() -> None:
    apart = task_id_by_url("https://example.com", tag="foo", application="bar")
    assert apart == task_id_by_url("https://example.com", tag="foobar")


def test_signed_urls_of_one_object_are_one_task() -> None:
    def signed(signature: str) -> str:
        query = f"X-Amz-Signature={signature}&X-Amz-Date={signature}&versionId=3&ns=docker.io"
        return task_id_by_url(
            f"https://bucket.s3.amazonaws.com/model?{query}",
            filtered_query_params=DEFAULT_FILTERED_QUERY_PARAMS,
        )

    assert signed("one") == signed("two")


def test_the_signature_of_the_hub_cdn_can_be_filtered() -> None:
    url = (
        "https://cas-bridge.xethub.hf.co/xet-bridge-us/65a/0f?X-Amz-Algorithm=A"
        "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=3600"
        "&X-Amz-Signature=s&X-Amz-SignedHeaders=host&X-Xet-Cas-Uid=public&x-id=GetObject"
        "&response-content-disposition=inline&response-content-type=t&x-amz-checksum-mode=ENABLED"
        "&Expires=1&Policy=p&Signature=s&Key-Pair-Id=k"
    )
    assert filter_url(url, SIGNATURE_QUERY_PARAMS) == url.partition("?")[0]


def test_the_default_list_is_dragonflys() -> None:
    assert len(DEFAULT_FILTERED_QUERY_PARAMS) == len(set(DEFAULT_FILTERED_QUERY_PARAMS)) == 30
    assert "Policy" not in DEFAULT_FILTERED_QUERY_PARAMS


@pytest.mark.parametrize(
    "url",
    [
        f"http://registry.example.com/v2/library/ubuntu/blobs/sha256:{SHA256}",
        f"https://registry.io/v2/org/team/project/blobs/sha256:{SHA256}",
        f"http://localhost:5000/v2/myrepo/blobs/sha256:{SHA256}?ns=docker.io",
        f"http://localhost:5000/v2/myrepo/blobs/sha256:{SHA256}?id=12345",
    ],
)
def test_an_oci_blob_url_names_its_digest(url: str) -> None:
    assert blob_digest_in_url(url) == Digest("sha256", SHA256)


def test_sha512_blobs_too() -> None:
    url = f"https://registry.example.com/v2/myorg/myrepo/blobs/sha512:{SHA256 * 2}"
    assert blob_digest_in_url(url) == Digest("sha512", SHA256 * 2)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not-a-url",
        "https://example.com/file.txt",
        f"http://registry.example.com/blobs/sha256:{SHA256}",
        f"http://registry.example.com/v2/repo/manifests/sha256:{SHA256}",
        f"registry.example.com/v2/repo/blobs/sha256:{SHA256}",
        f"http://registry.example.com/v2/blobs/sha256:{SHA256}",
        "http://registry.example.com/v2/library/ubuntu/blobs/sha256:abc",
        "http://registry.example.com/v2/ubuntu/blobs/md5:8a04994a666b4e4b20a2fd9e5a44f44c",
        "http://registry.example.com/v2/repo/blobs/invalid-digest",
    ],
)
def test_other_urls_name_none(url: str) -> None:
    assert blob_digest_in_url(url) is None


def test_host_and_peer_ids() -> None:
    assert host_id("127.0.0.1", "localhost") == "127.0.0.1-localhost"
    assert host_id("127.0.0.1", "localhost", seed=True) == "127.0.0.1-localhost-seed"
    assert peer_id("127.0.0.1", "localhost", "u") == "127.0.0.1-localhost-u"
    assert peer_id("127.0.0.1", "localhost", "u", seed=True) == "127.0.0.1-localhost-u-seed"


def test_task_ids_are_64_hex_digits() -> None:
    assert re.fullmatch("[0-9a-f]{64}", task_id_by_url("https://example.com/ü"))
