"""What may pass the edge, and what stays outside."""

from __future__ import annotations

from typing import Any

import pytest

from dfcore.errors import BadInput
from dfinfra.pb import common_pb2, meganeura_pb2, scheduler_pb2
from scheduler import edge
from scheduler import events as ev


def download(**fields: Any) -> common_pb2.Download:
    fields.setdefault("url", "https://example.com/blob")
    return common_pb2.Download(**fields)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://u:p@example.com/a?sig=x#f", "https://example.com/a"),
        ("hf://owner/repo/file", "hf://owner/repo/file"),
        ("https://[::1]:80/a?b", "https://[::1]:80/a"),
        ("http://[broken", ""),
    ],
)
def test_public_url_keeps_no_secret(url: str, public: str) -> None:
    assert edge.public_url(url) == public


@pytest.mark.parametrize(
    "secret",
    [
        {"request_header": {"authorization": "Bearer x"}},
        {"request_header": {"Cookie": "x"}},
        {"request_header": {"X-Amz-Security-Token": "x"}},
        {"hugging_face": common_pb2.HuggingFace(token="x", revision="main")},
        {"object_storage": common_pb2.ObjectStorage(access_key_id="x")},
        {"url": "https://user:x@example.com/blob"},
        {"url": "https://example.com/blob?v=1&X-Amz-Signature=x"},
        {"url": "https://example.com/blob?sig=x"},
    ],
)
def test_credentials_are_seen_and_not_kept(secret: dict[str, Any]) -> None:
    wish = edge.wish_of(download(**secret))
    assert wish.credentialed
    assert "x" not in wish.url.replace("example", "")


def test_a_seed_is_told_the_url_and_no_headers() -> None:
    told = edge.for_seed(
        download(
            url="https://example.com/blob?v=1",
            request_header={"Accept": "x"},
            hugging_face=common_pb2.HuggingFace(token="t", revision="main"),
            output_path="/etc/passwd",
            tag="t",
        )
    )
    assert told.url == "https://example.com/blob?v=1"
    assert told.need_back_to_source
    assert told.tag == "t"
    assert told.hugging_face.revision == "main"
    assert not told.request_header
    assert not told.hugging_face.token
    assert not told.HasField("output_path")


def test_the_error_for_a_bad_url_does_not_repeat_it() -> None:
    with pytest.raises(BadInput) as caught:
        edge.wish_of(download(url="//secret?token=x"))
    assert "secret" not in str(caught.value)


def test_size_is_taken_from_whole_downloads_only() -> None:
    whole = download(actual_content_length=7)
    part = download(actual_content_length=7, range=common_pb2.Range(start=0, length=3))
    assert edge.wish_of(whole).size_bytes == 7
    assert edge.wish_of(part).size_bytes is None
    assert edge.wish_of(part).ranged
    assert edge.wish_of(download()).size_bytes is None


def test_an_own_host_is_told_by_its_build() -> None:
    host = common_pb2.Host(id="a", hostname="a", ip="::1", port=4000, download_port=4005)
    assert not edge.host_announced(scheduler_pb2.AnnounceHostRequest(host=host)).host.own
    host.build.platform = "meganeura/1"
    event = edge.host_announced(scheduler_pb2.AnnounceHostRequest(host=host))
    assert event.host.own
    assert event.interval_s is None


def test_pieces_need_cost_and_time() -> None:
    request = scheduler_pb2.AnnouncePeerRequest(host_id="h", task_id="t", peer_id="p")
    request.download_piece_finished_request.piece.number = 1
    with pytest.raises(BadInput, match=r"piece\.cost"):
        edge.peer_event(request)


def test_a_parent_must_be_named_when_its_piece_failed() -> None:
    request = scheduler_pb2.AnnouncePeerRequest(host_id="h", task_id="t", peer_id="p")
    request.download_piece_failed_request.temporary = True
    with pytest.raises(BadInput, match="parent_id"):
        edge.peer_event(request)


def test_the_origins_status_is_kept_its_body_is_not() -> None:
    request = scheduler_pb2.AnnouncePeerRequest(host_id="h", task_id="t", peer_id="p")
    backend = request.download_piece_back_to_source_failed_request.backend
    backend.status_code, backend.message = 404, "no such thing"
    assert edge.peer_event(request) == ev.OriginRefusedPiece("p", 404)


def test_announced_blobs_lose_their_query() -> None:
    request = meganeura_pb2.AnnounceBlobsRequest(host_id="h")
    request.blobs.add(task_id="t", peer_id="p", url="https://example.com/a?sig=x")
    (blob,) = edge.blobs_announced(request).blobs
    assert blob.url == "https://example.com/a"
