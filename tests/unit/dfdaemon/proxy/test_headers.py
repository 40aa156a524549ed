from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfdaemon.proxy.headers import end_to_end, for_shared_download, parse_dragonfly
from dfdaemon.task.spec import TaskSpec


def test_hop_by_hop_headers_those_connection_names_and_ours_end_here() -> None:
    pairs = [
        ("Connection", "x-one, Keep-Alive"),
        ("X-One", "1"),
        ("Keep-Alive", "5"),
        ("Proxy-Authorization", "secret"),
        ("TE", "trailers"),
        ("X-Dragonfly-Tag", "t"),
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
    ]
    assert end_to_end(pairs) == [("Set-Cookie", "a"), ("Set-Cookie", "b")]


def test_a_shared_download_is_asked_whole_and_unencoded() -> None:
    pairs = [
        ("Range", "bytes=1-"),
        ("Accept-Encoding", "gzip"),
        ("If-None-Match", "x"),
        ("Host", "h"),
        ("Authorization", "t"),
        ("Accept", "*/*"),
    ]
    assert for_shared_download(pairs) == {"Authorization": "t", "Accept": "*/*"}


def test_every_dragonfly_header_is_understood() -> None:
    wishes = parse_dragonfly(
        {
            "X-Dragonfly-Registry": "https://r",
            "X-Dragonfly-Tag": "t",
            "X-Dragonfly-Application": "a",
            "X-Dragonfly-Priority": "0",
            "X-Dragonfly-Filtered-Query-Params": "one, two",
            "X-Dragonfly-Use-P2P": "true",
            "X-Dragonfly-Prefetch": "false",
            "X-Dragonfly-Output-Path": "/tmp/x",
            "X-Dragonfly-Force-Hard-Link": "True",
            "X-Dragonfly-Piece-Length": "8MiB",
            "X-Dragonfly-Content-For-Calculating-Task-ID": "name",
            "X-Dragonfly-Enable-Task-ID-Based-Blob-Digest": "true",
        }
    )
    spec = wishes.apply(TaskSpec("https://r/x"))
    assert (spec.tag, spec.application, spec.priority) == ("t", "a", 0)
    assert spec.filtered_query_params == ("one", "two")
    assert (spec.piece_length, spec.content) == (8 << 20, "name")
    assert (wishes.use_p2p, wishes.prefetch, wishes.force_hard_link) == (True, False, True)


def test_without_wishes_the_task_stays_as_it_is() -> None:
    spec = TaskSpec("https://r/x", content="c", filtered_query_params=("p",), priority=3)
    assert parse_dragonfly({}).apply(spec) == spec


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Dragonfly-Priority", "7"),
        ("X-Dragonfly-Use-P2P", "yes"),
        ("X-Dragonfly-Piece-Length", "1MiB"),
        ("X-Dragonfly-Piece-Length", "5MiB"),
        ("X-Dragonfly-Piece-Length", "much"),
        # The digest of a gated file is no secret: it must not be a way to the file.
        ("X-Dragonfly-Content-For-Calculating-Task-ID", "sha256:" + "a" * 64),
    ],
)
def test_a_header_that_is_not_allowed_is_named(name: str, value: str) -> None:
    with pytest.raises(BadInput, match=name):
        parse_dragonfly({name: value})
