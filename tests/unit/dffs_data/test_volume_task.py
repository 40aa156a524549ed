"""Files of volumes as tasks, and where the seed keeps what it fetched."""

from __future__ import annotations

import pytest

from dfcore.digest import Digest
from dfcore.errors import BadInput
from dfdaemon.hub.urls import parse_hub_url
from dfdaemon.task.memory import volume_task
from dfdaemon.task.spec import TaskSpec
from seedpeer.hublayout import place_of

SHA = "sha256:" + "ab" * 32
COMMIT = "c" * 40


def test_a_volumes_file_is_named_by_volume_and_digest() -> None:
    task = volume_task(TaskSpec(f"dffs://uuid/{SHA}", size_bytes=7, tag="ignored"))
    assert task.digest == Digest.parse(SHA)
    assert task.size_bytes == 7
    assert task.restricted
    assert task.task_id == volume_task(TaskSpec(f"dffs://uuid/{SHA}")).task_id
    assert task.task_id != volume_task(TaskSpec(f"dffs://other/{SHA}")).task_id


def test_public_files_travel_in_the_clear_under_a_name_of_their_own() -> None:
    private = volume_task(TaskSpec(f"dffs://uuid/{SHA}"))
    public = volume_task(TaskSpec(f"dffs://uuid/{SHA}/public"))
    assert not public.restricted
    assert public.digest == private.digest
    assert public.task_id != private.task_id


@pytest.mark.parametrize("url", ["dffs://", "dffs://uuid", "dffs://uuid/x", f"dffs:///{SHA}"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(BadInput):
        volume_task(TaskSpec(url))


def test_a_digest_beside_the_url_must_be_the_same() -> None:
    other = Digest.parse("sha256:" + "cd" * 32)
    with pytest.raises(BadInput):
        volume_task(TaskSpec(f"dffs://uuid/{SHA}", digest=other))


def test_a_hubs_file_lies_where_huggingface_hub_looks_for_it() -> None:
    page = parse_hub_url(f"hf://org/name@{COMMIT}/onnx/model.onnx")
    place = place_of(page, Digest.parse(SHA))
    assert place.blob == f"models--org--name/blobs/{'ab' * 32}"
    assert place.snapshot == f"models--org--name/snapshots/{COMMIT}/onnx/model.onnx"
    assert place.target == f"../../../blobs/{'ab' * 32}"
    assert place.refs == "models--org--name/refs"


def test_a_dataset_and_an_old_repository_have_their_own_folders() -> None:
    digest = Digest("git-sha1", "12" * 20)
    dataset = place_of(parse_hub_url(f"hf://datasets/org/name@{COMMIT}/a.txt"), digest)
    assert dataset.blob == f"datasets--org--name/blobs/{'12' * 20}"
    old = place_of(parse_hub_url(f"hf://gpt2@{COMMIT}/a.txt"), digest)
    assert old.snapshot == f"models--gpt2/snapshots/{COMMIT}/a.txt"


def test_what_is_not_at_a_commit_or_not_of_a_hub_has_no_snapshot() -> None:
    assert not place_of(parse_hub_url("hf://org/name@main/a.txt"), Digest.parse(SHA)).snapshot
    assert place_of(None, Digest.parse(SHA)).blob == f"blobs/sha256/{'ab' * 32}"
