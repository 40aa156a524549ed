from __future__ import annotations

import json

import pytest

from blobstore import BlobMeta


def test_meta_survives_its_json() -> None:
    meta = BlobMeta(
        url="https://o/é",
        digest="md5:" + "0" * 32,
        response_headers=(("ETag", '"x"'), ("Content-Type", "a/b")),
        restricted=True,
        validator="v",
        tag="t",
        application="a",
        task_type="persistent",
    )
    assert BlobMeta.from_json(meta.to_json()) == meta


def test_fields_of_another_version_are_dropped_or_defaulted() -> None:
    assert BlobMeta.from_json(json.dumps({"url": "u", "later": 1})) == BlobMeta(url="u")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://host/path", "https://host/path"),
        ("https://host/path?sig=secret", "https://host/path"),
        ("https://me:pw@host:8/path#part", "https://host:8/path"),
        ("hf://repo/file?x", "hf://repo/file"),
        ("https://host/a@b", "https://host/a@b"),
        ("", ""),
    ],
)
def test_secrets_in_a_url_are_not_kept(url: str, kept: str) -> None:
    assert BlobMeta(url=url).url == kept
