"""Unfinished files: resumed at borders, never mixed, verified, renamed whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dfcore.digest import Digest
from dfcore.errors import BadInput, DigestMismatch, MeganeuraError, OriginBroken
from dfdaemon.cli import partfile
from dfdaemon.cli.partfile import PartFile, identity_of, resume_offset

ONE, OTHER = identity_of("one"), identity_of("other")


def sha256(data: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(data).hexdigest())


@pytest.fixture(autouse=True)
def small_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partfile, "MAX_PIECE_LENGTH", 4)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "model.bin"


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def write(target: Path, data: bytes, *, identity: str = ONE, size: int | None = None) -> None:
    part = PartFile(target, identity, None, size if size is not None else len(data))
    part.write(0, data)
    part.close()


def test_a_finished_file_is_alone_in_its_folder(target: Path) -> None:
    part = PartFile(target, ONE, sha256(b"abcdef"), 6)
    part.write(0, b"abcd")
    assert not target.exists()
    part.write(4, b"ef")
    part.finish(overwrite=False)
    part.close()
    assert target.read_bytes() == b"abcdef"
    assert names(target) == ["model.bin"]


def test_an_empty_file_is_made(target: Path) -> None:
    part = PartFile(target, ONE, sha256(b""), 0)
    part.finish(overwrite=False)
    part.close()
    assert target.read_bytes() == b""


def test_what_was_cut_off_goes_on_at_a_border(target: Path) -> None:
    write(target, b"abcdef", size=10)
    assert resume_offset(target) == 4
    part = PartFile(target, ONE, sha256(b"abcdefghij"), 10)
    assert part.offset == 4
    part.write(4, b"efghij")
    part.finish(overwrite=False)
    part.close()
    assert target.read_bytes() == b"abcdefghij"


def test_something_is_always_left_to_ask_for(target: Path) -> None:
    write(target, b"abcdefgh")
    assert resume_offset(target) == 4


def test_bytes_of_another_content_are_thrown_away(target: Path) -> None:
    write(target, b"abcdefgh", identity=OTHER, size=10)
    part = PartFile(target, ONE, None, 10)
    assert part.offset == 0
    part.close()
    assert len(names(target)) == 1


def test_a_wrong_content_never_gets_the_name(target: Path) -> None:
    part = PartFile(target, ONE, sha256(b"good"), 4)
    part.write(0, b"evil")
    with pytest.raises(DigestMismatch, match="not sha256:"):
        part.finish(overwrite=False)
    part.close()
    assert names(target) == []


def test_a_resumed_prefix_is_verified_too(target: Path) -> None:
    write(target, b"evil....", size=8)
    part = PartFile(target, ONE, sha256(b"goodgood"), 8)
    part.write(part.offset, b"good")
    with pytest.raises(DigestMismatch):
        part.finish(overwrite=False)
    part.close()


def test_a_short_file_never_gets_the_name(target: Path) -> None:
    part = PartFile(target, ONE, None, 10)
    part.write(0, b"abcd")
    with pytest.raises(OriginBroken, match="4 bytes arrived of 10"):
        part.finish(overwrite=False)
    part.close()
    assert not target.exists()


def test_pieces_out_of_order_are_put_in_place_but_not_resumed(target: Path) -> None:
    part = PartFile(target, ONE, sha256(b"abcdefgh"), 8)
    part.write(4, b"efgh")
    assert resume_offset(target) == 0
    part.write(0, b"abcd")
    part.finish(overwrite=False)
    part.close()
    assert target.read_bytes() == b"abcdefgh"
    assert names(target) == ["model.bin"]


def test_what_came_out_of_order_is_removed_by_the_next_run(target: Path) -> None:
    part = PartFile(target, ONE, None, 12)
    part.write(4, b"efgh")
    part.close()
    PartFile(target, ONE, None, 12).close()
    assert [name.endswith(".dfget") for name in names(target)] == [True]


def test_two_runs_do_not_write_one_file(target: Path) -> None:
    part = PartFile(target, ONE, None, 10)
    with pytest.raises(MeganeuraError, match="another dfget"):
        PartFile(target, ONE, None, 10)
    PartFile(target, OTHER, None, 10).close()
    part.write(0, b"0123456789")
    part.finish(overwrite=False)
    part.close()
    assert target.read_bytes() == b"0123456789"


def test_a_file_that_appeared_meanwhile_is_kept(target: Path) -> None:
    part = PartFile(target, ONE, None, 4)
    part.write(0, b"mine")
    target.write_bytes(b"yours")
    with pytest.raises(BadInput, match="exists already"):
        part.finish(overwrite=False)
    assert target.read_bytes() == b"yours"
    part.finish(overwrite=True)
    part.close()
    assert target.read_bytes() == b"mine"


def test_a_very_long_name_has_room_for_its_part(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 120)
    part = PartFile(target, ONE, None, 1)
    part.write(0, b"x")
    part.finish(overwrite=False)
    part.close()
    assert target.read_bytes() == b"x"
