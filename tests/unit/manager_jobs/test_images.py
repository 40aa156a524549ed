from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from manager.jobs.sources.image import chosen, parse_reference

INDEX = [
    {"digest": "a", "platform": {"os": "linux", "architecture": "amd64"}},
    {"digest": "b", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
    {"digest": "c", "platform": {"os": "unknown", "architecture": "unknown"}},
]


@pytest.mark.parametrize(
    ("url", "base", "repository", "reference"),
    [
        ("https://r.io/v2/a/b/manifests/1.0", "https://r.io", "a/b", "1.0"),
        ("http://r:5000/v2/a/manifests/latest", "http://r:5000", "a", "latest"),
        ("oci://r.io/a/b:1.0", "https://r.io", "a/b", "1.0"),
        ("r.io/a/b", "https://r.io", "a/b", "latest"),
        ("oci+http://r:5000/a:x", "http://r:5000", "a", "x"),
        ("docker.io/alpine:3", "https://registry-1.docker.io", "library/alpine", "3"),
        (f"r.io/a@sha256:{'0' * 64}", "https://r.io", "a", f"sha256:{'0' * 64}"),
    ],
)
def test_references(url: str, base: str, repository: str, reference: str) -> None:
    found = parse_reference(url)
    assert (found.base, found.repository, found.reference) == (base, repository, reference)


@pytest.mark.parametrize("url", ["https://r.io/v2/a/blobs/x", "ftp://r/a", "a b", ""])
def test_what_is_no_image_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        parse_reference(url)


def test_platforms_are_chosen_by_name() -> None:
    assert chosen(INDEX, ("linux/amd64",)) == ["a"]
    assert chosen(INDEX, ("linux/arm64",)) == ["b"]
    assert chosen(INDEX, ("linux/arm64/v8", "linux/amd64")) == ["a", "b"]
    assert chosen(INDEX, ("all",)) == ["a", "b"]
    assert chosen(INDEX, ("plan9/amd64",)) == []
