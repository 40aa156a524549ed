"""Copies between volumes of other kinds, broken off and continued; links that a crash left behind."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dffs.format import Format
from dffs.options import VolumeOptions
from dffs.tree import Tree
from dffs.volume import Volume
from manager.models import registry
from manager.models.names import FileEntry
from manager.replication.copy import Copier, Stopped
from tests.component.manager_jobs.bed import started
from tests.component.manager_jobs.volumes import digest_of, introduce, make_volume, push

BLOCK = 64 << 10
PASSPHRASE = b"open sesame"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Volume]:
    with Volume.open(make_volume(tmp_path, "source")) as volume:
        yield volume


def target(folder: Path, **settings: object) -> Volume:
    bucket = folder / "target-objects"
    bucket.mkdir()
    url = f"sqlite:///{folder / 'target.db'}"
    values = {"block_size_bytes": BLOCK, **settings}
    record = Format(name="target", storage="file", bucket=str(bucket), **values)  # type: ignore[arg-type]
    Volume.format_new(url, record, passphrase=PASSPHRASE)
    return Volume.open(url, VolumeOptions(passphrase=PASSPHRASE))


def stored(volume: Volume, path: str, content: bytes) -> FileEntry:
    tree = Tree(volume.meta, volume.files)
    tree.write(path, [content], digest=digest_of(content))
    return FileEntry(path, len(content), digest_of(content))


def read(volume: Volume, path: str) -> bytes:
    with Tree(volume.meta, volume.files).open_read(path) as reader:
        return reader.read()


@pytest.mark.parametrize(
    "settings",
    [
        {"compression": "zstd"},
        {"encryption": "aes256gcm"},
        {"block_size_bytes": 2 * BLOCK},
    ],
    ids=["compressed", "encrypted", "larger blocks"],
)
def test_a_volume_of_another_kind_gets_the_same_bytes(
    source: Volume, tmp_path: Path, settings: dict[str, object]
) -> None:
    content = random.Random(1).randbytes(5 * BLOCK + 7)
    holes = b"\0" * (3 * BLOCK) + b"x"
    with target(tmp_path, **settings) as other:
        copier = Copier(source, other, threading.Event())
        for path, data in (("a", content), ("b", holes), ("c", b""), ("d/e", b"x")):
            copier.file(stored(source, path, data), f"copy/{path}", lambda _: None)
            assert read(other, f"copy/{path}") == data
            assert Tree(other.meta, other.files).stat(f"copy/{path}").content == digest_of(data)
        again = copier.file(
            FileEntry("a", len(content), digest_of(content)), "more/a", lambda _: None
        )
        assert (again.sent_bytes, again.by_rows) == (0, True)
        copier.close()


def test_a_copy_that_was_broken_off_sends_only_what_is_missing(
    source: Volume, tmp_path: Path
) -> None:
    content = random.Random(2).randbytes(64 * BLOCK)
    entry = stored(source, "big", content)
    with target(tmp_path) as other:
        stop = threading.Event()
        first = Copier(source, other, stop)
        with pytest.raises(Stopped):
            first.file(entry, "copy/big", lambda done: done >= 32 * BLOCK and stop.set())
        first.close()
        assert Tree(other.meta, other.files).find("copy/big") is None
        objects = len(list(other.blocks.list()))
        assert 32 <= objects < 64
        second = Copier(source, other, threading.Event())
        copied = second.file(entry, "copy/big", lambda _: None)
        second.close()
        assert copied.sent_blocks == 64 - objects
        assert read(other, "copy/big") == content


async def test_a_link_that_a_crash_left_behind_is_brought_where_its_tag_is(tmp_path: Path) -> None:
    url = make_volume(tmp_path, "alpha")
    async with started(tmp_path, nodes=0) as bed:
        await introduce(bed, "alpha", url)
        await push(bed, "org/m", {"a": b"old"}, "prod")
        new, _ = await push(bed, "org/m", {"a": b"new"})

        def moved(session: object) -> None:  # and the manager dies before the link follows
            model = registry.find_model(session, "org/m")  # type: ignore[arg-type]
            version = registry.resolve(session, model, new)  # type: ignore[arg-type]
            registry.move_tag(session, model, "prod", version)  # type: ignore[arg-type]

        await bed.app.core.database.run(moved)
        tags = await bed.client.until(
            "/api/v1/models/org/m/tags", lambda rows: not rows[0]["moving"]
        )
        assert tags[0]["revision"] == new
        with Volume.open(url) as volume:
            assert read(volume, "models/org/m/prod/a") == b"new"
