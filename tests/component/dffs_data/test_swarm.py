"""A volume and a swarm: the seed keeps what it fetched, nodes bring a volume's files to each other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dffs.format import Format
from dffs.meta.types import ROOT_CALLER, ROOT_INO
from dffs.options import CacheOptions, VolumeOptions
from dffs.tree import Tree
from dffs.volume import Volume
from tests.cluster.bed import MIB, Bed, started, wait_until
from tests.swarm.swarm import Swarm

pytestmark = pytest.mark.cluster
SIZE = 24 * MIB


@pytest.fixture(scope="module")
def meta_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("volume")
    url = f"sqlite:///{folder}/meta.db"
    record = Format("memory", bucket=f"{folder}/bucket", block_size_bytes=MIB, public_files=True)
    Volume.format_new(url, record)
    return url


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory, meta_url: str) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("bed")
    memory = {"objectStore": {"volume": meta_url}}
    with started(folder, nodes=2, seed=memory) as made:
        yield made


def opened(meta_url: str, socket: str, folder: Path | None = None) -> Volume:
    cache = CacheOptions(dirs=(folder,) if folder else (), free_ratio=0.0)
    path = Path(socket.removeprefix("unix:"))
    return Volume.open(meta_url, VolumeOptions(cache=cache, daemon_socket=path))


def read(volume: Volume, ino: int) -> bytes:
    file = volume.files.open(ROOT_CALLER, ino, os.O_RDONLY)
    try:
        return b"".join(file.read(at, MIB) for at in range(0, file.attr.size_bytes, MIB))
    finally:
        file.release()


def test_what_the_seed_fetched_is_kept_as_a_hugging_face_cache(
    bed: Bed, meta_url: str, tmp_path: Path
) -> None:
    blob = bed.blob(SIZE)
    received = bed.read(bed.swarm.nodes[0], blob).result()
    assert blob.is_whole(received)
    with Volume.open(meta_url) as volume:
        tree = Tree(volume.meta, volume.files)
        repo = "models--" + blob.name.rpartition("/")[0].replace("/", "--")
        kept = f"{repo}/blobs/{blob.sha256}"
        wait_until(lambda: tree.find(f"{repo}/refs/main") is not None, "the blob is kept")
        assert tree.stat(kept).content == f"sha256:{blob.sha256}"
        with tree.open_read(f"{repo}/refs/main") as reader:
            commit = reader.read().decode()
        assert tree.stat(f"{repo}/snapshots/{commit}/model.safetensors").ino == tree.stat(kept).ino
    before = bed.origin_bytes(blob)
    other = {"objectStore": {"volume": meta_url}}
    with Swarm(tmp_path / "other", hub=bed.standin.hub_url, nodes=1, seed=other) as swarm:
        assert blob.is_whole(bed.read(swarm.nodes[0], blob).result())
    assert bed.origin_bytes(blob) == before


def test_mounts_get_a_files_bytes_from_the_swarm(bed: Bed, meta_url: str, tmp_path: Path) -> None:
    data = os.urandom(SIZE)
    with Volume.open(meta_url) as volume:
        attr, _ = volume.meta.create(ROOT_CALLER, ROOT_INO, b"model.bin", 0o644)
        file = volume.files.opened(attr, os.O_RDWR)
        file.write(0, data)
        file.flush()
        file.release()
    before = bed.swarm.seed.figures().traffic.origin
    mounts = [
        opened(meta_url, node.socket, tmp_path / f"cache{number}")
        for number, node in enumerate(bed.swarm.nodes)
    ]
    with ThreadPoolExecutor(len(mounts)) as nodes:
        for got in nodes.map(read, mounts, [attr.ino] * len(mounts)):
            assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
    # Out of the object store once for all, by way of the seed.
    assert bed.swarm.seed.figures().traffic.origin - before == SIZE
    for mount in mounts:
        counts = mount.files.stats()
        assert counts.get("object_bytes", 0) == 0
        # Once the daemon has checked the whole, its file is read without further ado.
        assert 0 < counts["swarm_bytes"] <= SIZE
        again = mount.files.open(ROOT_CALLER, attr.ino, os.O_RDONLY)
        wait_until(lambda file=again: file.passthrough_fd() is not None, "a descriptor")  # type: ignore[misc]
        fd = again.passthrough_fd()
        assert fd is not None
        assert os.pread(fd, 100, MIB) == data[MIB : MIB + 100]
        again.release()
        mount.close()


def test_without_a_daemon_that_can_the_object_store_is_asked(
    bed: Bed, meta_url: str, tmp_path: Path
) -> None:
    data = os.urandom(SIZE)
    with Volume.open(meta_url) as volume:
        attr, _ = volume.meta.create(ROOT_CALLER, ROOT_INO, b"other.bin", 0o644)
        file = volume.files.opened(attr, os.O_RDWR)
        file.write(0, data)
        file.flush()
        file.release()
    with opened(meta_url, f"{tmp_path}/nobody.sock", tmp_path / "cache") as mount:
        assert read(mount, attr.ino) == data
        assert mount.files.stats()["object_bytes"] == SIZE


def test_a_reader_goes_on_when_the_daemon_is_killed(
    bed: Bed, meta_url: str, tmp_path: Path
) -> None:
    node = bed.swarm.nodes[0]
    # So much that the daemon surely has not all of it when it is killed.
    size = 8 * SIZE
    data = os.urandom(size)
    with opened(meta_url, node.socket, tmp_path / "cache") as mount:
        attr, _ = mount.meta.create(ROOT_CALLER, ROOT_INO, b"third.bin", 0o644)
        with Volume.open(meta_url) as writer:
            file = writer.files.open(ROOT_CALLER, attr.ino, os.O_RDWR)
            file.write(0, data)
            file.flush()
            file.release()
        mount.meta.release(attr.ino)
        reader = mount.files.open(ROOT_CALLER, attr.ino, os.O_RDONLY)
        assert reader.read(0, MIB) == data[:MIB]
        node.kill()
        rest = b"".join(reader.read(at, MIB) for at in range(MIB, size, MIB))
        assert rest == data[MIB:]
        reader.release()
        counts = mount.files.stats()
        assert counts["object_bytes"] > 0
        assert counts["swarm_bytes"] > 0
        node.restart()
