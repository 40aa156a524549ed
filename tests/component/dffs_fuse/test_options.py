"""What a mount can be told: ACLs, squashed rights, names that are not there, no passthrough."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.dffs_fuse.mounted import (
    MountProcess,
    folder_for_everybody,
    needs_fuse,
    volume_mount,
)
from tests.component.dffs_fuse.posix_cases import ALICE, BOB, acting_as, tried

pytestmark = needs_fuse
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 1, 2, 4, 16, 32
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF


@pytest.fixture
def base() -> Iterator[Path]:
    with folder_for_everybody() as folder:
        yield folder


@pytest.fixture
def url(base: Path) -> str:
    return f"sqlite:///{base}/meta.db"


@pytest.fixture
def with_acls(url: str, base: Path) -> Iterator[MountProcess]:
    with volume_mount(url, base / "mnt", "acl=1") as served:
        served.point.chmod(0o755)
        yield served


def _acl(*, user: tuple[int, int], mask: int, others: int = 0) -> bytes:
    """rwx for the owner, `user[1]` for the user of that number, r-x for the group."""
    rows = [
        (_USER_OBJ, 7, _NOBODY_IN_PARTICULAR),
        (_USER, user[1], user[0]),
        (_GROUP_OBJ, 5, _NOBODY_IN_PARTICULAR),
        (_MASK, mask, _NOBODY_IN_PARTICULAR),
        (_OTHER, others, _NOBODY_IN_PARTICULAR),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)


def test_an_acl_lets_one_user_in(with_acls: MountProcess) -> None:
    path = with_acls.point / "file"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    with acting_as(ALICE):
        assert tried(path.read_bytes) == "EACCES"
    os.setxattr(path, ACCESS, _acl(user=(ALICE, 4), mask=4))
    with acting_as(ALICE):
        assert path.read_bytes() == b"secret"
        assert tried(os.open, path, os.O_WRONLY) == "EACCES"
    with acting_as(BOB):
        assert tried(path.read_bytes) == "EACCES"
    assert stat.S_IMODE(path.stat().st_mode) == 0o740  # the group's bits show the mask
    path.chmod(0o700)
    with acting_as(ALICE):
        assert tried(path.read_bytes) == "EACCES"


def test_a_default_acl_is_inherited_and_counts_instead_of_the_umask(
    with_acls: MountProcess,
) -> None:
    folder = with_acls.point / "folder"
    folder.mkdir()
    os.setxattr(folder, DEFAULT, _acl(user=(ALICE, 6), mask=7))
    before = os.umask(0o077)
    try:
        os.close(os.open(folder / "file", os.O_CREAT | os.O_WRONLY, 0o666))
        (folder / "sub").mkdir(mode=0o777)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o660
    assert os.getxattr(folder / "sub", DEFAULT) == os.getxattr(folder, DEFAULT)
    with acting_as(ALICE):
        (folder / "file").write_bytes(b"allowed")


def test_without_acls_there_are_none(url: str, base: Path) -> None:
    with volume_mount(url, base / "mnt") as served:
        assert tried(os.setxattr, served.point, ACCESS, _acl(user=(1, 4), mask=4)) == "ENOTSUP"


def test_root_is_nobody_where_it_is_squashed(url: str, base: Path) -> None:
    with volume_mount(url, base / "mnt") as served:
        (served.point / "roots").touch()
        served.point.chmod(0o777)
    with volume_mount(url, base / "mnt", "squash=1") as served:
        (served.point / "mine").touch()
        assert (served.point / "mine").stat().st_uid == 65534
        assert tried(os.chmod, served.point / "roots", 0o600) in {"EPERM", "EACCES"}


def test_names_that_are_not_there_are_asked_for_once(url: str, base: Path) -> None:
    with volume_mount(url, base / "mnt", "negative=60") as served:
        for _ in range(5):
            assert not (served.point / "none").exists()
        figures = dict(line.split() for line in (served.point / ".stats").read_text().splitlines())
        assert int(figures["fuse_lookup_total"]) <= 2  # the name, and .stats
        (served.point / "none").touch()
        assert (served.point / "none").exists()


def test_without_passthrough_files_are_the_same(url: str, base: Path) -> None:
    with volume_mount(url, base / "mnt", "slow=1", f"cache={base}/cache") as served:
        data = os.urandom(3 << 20)
        (served.point / "file").write_bytes(data)
        for _ in range(3):
            with open(served.point / "file", "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                assert file.read() == data
                assert "passthrough_files 0\n" in (served.point / ".stats").read_text()
