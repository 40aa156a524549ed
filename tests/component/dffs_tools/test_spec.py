"""`dffs://volume/path` works as fsspec's users expect."""

from __future__ import annotations

import os
from collections.abc import Iterator

import fsspec
import pytest

from dffs.spec import DffsFileSystem


@pytest.fixture
def fs(meta_url: str) -> Iterator[DffsFileSystem]:
    opened = DffsFileSystem(meta=meta_url, skip_instance_cache=True)
    yield opened
    opened.close()


def test_writing_reading_and_seeking(fs: DffsFileSystem) -> None:
    content = os.urandom(300_000)
    with fs.open("dffs://models/org/m/a.bin", "wb") as file:
        file.write(content[:100])
        assert not fs.exists("models/org/m/a.bin"), "it appears when it is complete"
        file.write(content[100:])
    with fs.open("models/org/m/a.bin") as file:
        file.seek(65530)
        assert file.read(20) == content[65530:65550]
    assert fs.cat("models/org/m/a.bin") == content
    assert fs.cat_file("models/org/m/a.bin", -10) == content[-10:]
    assert fs.size("models/org/m/a.bin") == len(content)
    with fs.open("models/org/m/a.bin", "ab") as file:
        file.write(b"more")
    assert fs.cat("models/org/m/a.bin") == content + b"more"


def test_an_error_leaves_nothing(fs: DffsFileSystem) -> None:
    def write() -> None:
        with fs.open("models/a", "wb") as file:
            file.write(b"x")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        write()
    assert fs.ls("models/", detail=False) == []


def test_names(fs: DffsFileSystem) -> None:
    fs.pipe({"models/d/a": b"1", "models/d/e/b": b"22"})
    assert fs.find("models") == ["models/d/a", "models/d/e/b"]
    assert fs.glob("models/d/**/b") == ["models/d/e/b"]
    assert fs.du("models/d") == 3
    fs.mv("models/d/a", "models/moved")
    fs.cp("models/moved", "models/copied")
    assert fs.cat("models/copied") == b"1"
    assert fs.isdir("models/d/e")
    fs.rm("models/d", recursive=True)
    assert sorted(fs.ls("models", detail=False)) == ["models/copied", "models/moved"]


def test_what_is_missing_is_a_file_not_found_error(fs: DffsFileSystem) -> None:
    for call in (fs.info, fs.ls, fs.open, fs.rm_file):
        with pytest.raises(FileNotFoundError):
            call("models/none")
    fs.makedirs("models/d")
    with pytest.raises(FileExistsError):
        fs.makedirs("models/d")


def test_a_volume_is_found_by_its_name(meta_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEGANEURA_VOLUME_MODELS", meta_url)
    with fsspec.open("dffs://models/a", "wb", skip_instance_cache=True) as file:
        file.write(b"by name")
    with fsspec.open("dffs://models/a") as file:
        assert file.read() == b"by name"
    for instance in list(DffsFileSystem._cache.values()):
        instance.close()
    DffsFileSystem.clear_instance_cache()
