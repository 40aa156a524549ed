from __future__ import annotations

import json
from typing import Any

import pytest

from dfcore.errors import BadInput
from manager.jobs.hosts import Scope
from manager.jobs.spec import PreheatSpec, parse_preheat


def test_dragonflys_body_is_read_as_it_is() -> None:
    spec, credentials = parse_preheat(
        {
            "type": "file",
            "url": "https://example.org/a?x=1",
            "urls": ["https://example.org/b"],
            "tag": "t",
            "application": "app",
            "filtered_query_params": "Expires&Signature",
            "headers": {"Authorization": "Bearer s3cret"},
            "scope": "all_peers",
            "percentage": 30,
            "concurrent_peer_count": 7,
            "timeout": 60_000_000_000,
            "unknown": {"is": "passed over"},
        }
    )
    assert spec.urls == ("https://example.org/a?x=1", "https://example.org/b")
    assert spec.choice.scope is Scope.ALL_PEERS
    assert spec.choice.percentage == 30
    assert spec.filtered_query_params == ("Expires", "Signature")
    assert (spec.concurrent_hosts, spec.timeout_s) == (7, 60.0)
    assert credentials.headers == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(spec) + repr(credentials) + json.dumps(spec.to_json())


def test_harbors_body_is_read_as_it_is() -> None:
    spec, credentials = parse_preheat(
        {
            "type": "image",
            "url": "https://harbor.example/v2/library/nginx/manifests/1.27",
            "tag": "",
            "filtered_query_params": "",
            "headers": {"Authorization": "Bearer x"},
            "scope": "single_peer",
            "concurrent_count": 0,
            "timeout": 0,
        }
    )
    assert spec.type == "image"
    assert spec.choice.scope is Scope.SINGLE_SEED_PEER
    assert credentials


def test_a_spec_survives_the_database() -> None:
    spec, _ = parse_preheat(
        {"url": "hf://org/repo", "include": ["*.json"], "ips": ["10.0.0.1"], "platform": "a/b,c/d"}
    )
    assert PreheatSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.platforms == ("a/b", "c/d")


@pytest.mark.parametrize(
    ("args", "key"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": "ftp://x/y"}, "url"),
        ({"url": "no-scheme"}, "url"),
        ({"url": "http://x/y", "type": "movie"}, "type"),
        ({"url": "http://x/y", "scope": "everybody"}, "scope"),
        ({"url": "http://x/y", "percentage": 0}, "percentage"),
        ({"url": "http://x/y", "percentage": "7"}, "percentage"),
        ({"url": "http://x/y", "count": True}, "count"),
        ({"url": "http://x/y", "piece_length": 5}, "piece_length"),
        ({"url": "http://x/y", "timeout": "soon"}, "timeout"),
        ({"url": "http://x/y", "headers": {"A b": "x"}}, "headers"),
        ({"url": "http://x/y", "headers": {"A": "x\r\nB: y"}}, "headers"),
        ({"urls": ["http://x/y", "hf://a/b"]}, "urls"),
        ({"url": "http://x/y", "secret": "s", "password": "p"}, "secret"),
        ({"type": "image", "urls": ["a/b:1", "a/c:1"]}, "urls"),
        ({"url": "hf://a/b", "content_for_calculating_task_id": "x"}, "content"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_key(
    args: dict[str, Any], key: str
) -> None:
    with pytest.raises(BadInput, match=key):
        parse_preheat(args)
