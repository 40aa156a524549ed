"""Ids and URLs of tasks, and the messages that carry them: Dragonfly's rules (id_generator)."""

from __future__ import annotations

import hashlib

from dfcore.digest import Digest
from dfdaemon.task.spec import Headers, TaskSpec
from dfdaemon.task.spec_proto import from_download, from_frame, to_download, to_frame
from dfinfra.pb import common_pb2

BLOB = "ab" * 32
BLOB_URL = f"https://registry.example/v2/library/model/blobs/sha256:{BLOB}"
MIB = 1 << 20


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_id_of_a_download_is_dragonflys() -> None:
    message = common_pb2.Download(
        url="https://example.com/a?sig=1&v=2",
        tag="t",
        application="app",
        filtered_query_params=["sig"],
        piece_length=8 * MIB,
    )
    assert from_download(message).task_id == sha256(
        f"https://example.com/a?v=2tapp{8 * MIB}STANDARD"
    )
    message.content_for_calculating_task_id = "anything"
    assert from_download(message).task_id == sha256("anything")


def test_the_digest_in_a_blobs_url_is_the_id_where_that_is_asked_for() -> None:
    message = common_pb2.Download(url=BLOB_URL, enable_task_id_based_blob_digest=True)
    spec = from_download(message)
    assert spec.task_id == BLOB
    assert from_frame(to_frame(spec, with_headers=True)).task_id == BLOB
    assert to_download(spec, need_back_to_source=False).enable_task_id_based_blob_digest
    message.enable_task_id_based_blob_digest = False
    plain = from_download(message)
    assert plain.task_id == sha256(f"{BLOB_URL}STANDARD")
    assert from_frame(to_frame(plain, with_headers=True)).task_id == plain.task_id


def test_a_scheduler_is_told_what_a_seed_needs_and_no_secret() -> None:
    spec = TaskSpec(
        url="https://example.com/a?v=2&X-Amz-Signature=s3cret",
        request_headers=Headers({"X-Trace": "1"}),
        digest=Digest("sha256", BLOB),
        size_bytes=9 * MIB,
        filtered_query_params=("X-Amz-Signature",),
    )
    told = to_download(spec, need_back_to_source=True)
    assert told.url == "https://example.com/a?v=2"
    assert not told.request_header
    assert from_download(told).task_id == spec.task_id
    assert (told.actual_content_length, told.actual_piece_length) == (9 * MIB, 4 * MIB)
    assert told.actual_piece_count == 3


def test_of_restricted_content_a_scheduler_hears_no_query() -> None:
    spec = TaskSpec(url="https://example.com/a?token=s3cret", restricted=True)
    assert to_download(spec, need_back_to_source=False).url == "https://example.com/a"
