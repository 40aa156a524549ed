from __future__ import annotations

import pytest

from blobstore import layout
from dfcore.errors import BadInput


@pytest.mark.parametrize("blob_id", ["a" * 64, "sha256:" + "0" * 64, "x", "a.b-c_d+e=f"])
def test_ids_and_their_file_names(blob_id: str) -> None:
    assert layout.check_blob_id(blob_id) == blob_id
    name = layout.file_name(blob_id, 0xBEEF)
    assert layout.parse_file_name(name) == (blob_id, 0xBEEF, False)
    assert layout.parse_file_name(name + ".units") == (blob_id, 0xBEEF, True)


@pytest.mark.parametrize(
    "blob_id", ["", ".", "..", "a/b", "a~b", "-a", "a.", "a\0", "é", "x" * 161]
)
def test_what_cannot_be_a_file_name_is_no_id(blob_id: str) -> None:
    with pytest.raises(BadInput):
        layout.check_blob_id(blob_id)


@pytest.mark.parametrize("name", ["notes.txt", "a~", "~1", "a~xyz", "a~1~2", "a~1.units.units"])
def test_other_names_are_not_ours(name: str) -> None:
    assert layout.parse_file_name(name) is None


def test_a_shard_is_the_end_of_the_id() -> None:
    assert layout.shard_of("a" * 62 + "7f") == "7f"
    assert layout.shard_of("x") == "x"


def test_files_take_whole_blocks() -> None:
    assert [layout.allocated_bytes(size) for size in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]
