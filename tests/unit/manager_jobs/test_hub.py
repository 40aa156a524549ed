from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from manager.jobs.sources.hub import matches, parse_target


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("hf://org/repo", ("models", "org/repo", "main", "")),
        ("hf://org/repo@v1", ("models", "org/repo", "v1", "")),
        ("hf://datasets/org/repo@refs/pr/7/x/y", ("datasets", "org/repo", "refs/pr/7", "x/y")),
        ("hf://gpt2@main/config.json", ("models", "gpt2", "main", "config.json")),
        ("hf://gpt2", ("models", "gpt2", "main", "")),
        ("hf://org/repo/a/b.json", ("models", "org/repo", "main", "a/b.json")),
        ("hf://org/repo@a%2Fb", ("models", "org/repo", "a/b", "")),
    ],
)
def test_urls(url: str, parts: tuple[str, ...]) -> None:
    found = parse_target(url)
    assert (found.type, found.repo, found.revision, found.path) == parts


def test_a_revision_holds_where_the_url_names_none() -> None:
    assert parse_target("hf://org/repo", "v2").revision == "v2"
    assert parse_target("hf://org/repo@v1", "v2").revision == "v1"


@pytest.mark.parametrize("url", ["hf://", "hf:///x", "hf://a//b", "hf://a/b?x", "hf://a/b/../c"])
def test_nonsense_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        parse_target(url)


def test_patterns_are_those_of_the_hubs_client() -> None:
    assert matches("model.safetensors", ["*.safetensors"], [])
    assert matches("a/b.json", ["a/"], [])
    assert not matches("model.bin", ["*.safetensors", "*.json"], [])
    assert not matches("onnx/model.json", ["*.json"], ["onnx/*"])
    assert matches("x", [], ["y"])
