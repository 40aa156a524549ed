"""What jobs bring from real origins: a container registry, an S3 server, a volume, to a real swarm."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from dffs.tree import Tree
from dffs.volume import Volume
from tests.component.manager_jobs.bed import Bed, started
from tests.component.manager_jobs.volumes import digest_of, introduce, make_volume
from tests.servers import shared
from tests.swarm.ports import free_port
from tests.swarm.swarm import Swarm


@pytest.fixture(scope="module")
def volume_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = make_volume(tmp_path_factory.mktemp("volume"), "alpha")
    with Volume.open(url) as volume:
        tree = Tree(volume.meta, volume.files)
        tree.write("data/a.bin", [b"a" * 300_000], digest=digest_of(b"a" * 300_000))
        tree.write("data/deep/b.txt", [b"b"])
    return url


@pytest.fixture(scope="module")
def swarm(volume_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    seed = {"objectStore": {"volume": volume_url}}
    folder = tmp_path_factory.mktemp("swarm")
    with Swarm(folder, hub="http://127.0.0.1:1", nodes=1, seed=seed) as made:
        yield made


@pytest.fixture
async def bed(swarm: Swarm, tmp_path: Path) -> Any:
    port = int(swarm.scheduler.address.rpartition(":")[2])
    async with started(tmp_path, scheduler_port=port) as made:
        yield made


async def brought(bed: Bed, **args: Any) -> dict[str, dict[str, Any]]:
    """Bring something to all hosts; the steps of the node by their file."""
    number = await bed.client.preheat(scope="all_peers", **args)
    job = await bed.client.over(number)
    assert job["state"] == "SUCCESS", job["error"]
    steps = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps", per_page=100)
    assert {step["hostname"] for step in steps} == {"seed-1", "node-1"}
    return {step["file"]: step for step in steps if step["hostname"] == "node-1"}


async def test_files_of_a_volume_come_as_a_mount_asks_for_them(
    bed: Bed, swarm: Swarm, volume_url: str
) -> None:
    await introduce(bed, "alpha", volume_url)
    steps = await brought(bed, url="dffs://alpha/data")
    assert set(steps) == {"a.bin", "deep/b.txt"}
    blobs = list(swarm.nodes[0].store.rglob("*"))
    assert any(path.is_file() and path.stat().st_size == 300_000 for path in blobs)


async def test_objects_below_a_prefix_are_brought_without_their_keys(
    bed: Bed, swarm: Swarm
) -> None:
    bucket = shared.s3_bucket()
    store = S3Store(
        bucket.name,
        config={
            "endpoint": bucket.endpoint,
            "access_key_id": bucket.access_key,
            "secret_access_key": bucket.secret_key,
            "region": "us-east-1",
            "virtual_hosted_style_request": False,
        },
        client_options={"allow_http": True},
    )
    for name in ("models/a/x.bin", "models/a/y/z.bin", "other/no.bin"):
        await obstore.put_async(store, name, name.encode() * 1000)
    keys = {"access_key_id": bucket.access_key, "secret_access_key": bucket.secret_key}
    kept = {"secret": json.dumps(keys), "hosts": ["127.0.0.1"]}
    await bed.client.ask("PUT", "/api/v1/secrets/store", kept)
    url = f"s3://{bucket.name}/models"
    steps = await brought(
        bed, url=url, secret="store", endpoint=bucket.endpoint, exclude=["*/z.bin"]
    )
    assert set(steps) == {"models/a/x.bin"}
    logs = "".join(member.log_text() for member in swarm.members)
    assert bucket.secret_key not in logs
    failed = await bed.client.over(await bed.client.preheat(url=url, endpoint=bucket.endpoint))
    assert failed["state"] == "FAILURE"


class Registry:
    """Debian's docker-registry with one user, or with none."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "store")}},
            "http": {"addr": self.address},
        }
        path = self._folder / "registry.yml"
        path.write_text(json.dumps(config))
        self._process = subprocess.Popen(
            ["docker-registry", "serve", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OTEL_TRACES_EXPORTER": "none"},
        )

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    for program in ("docker-registry", "skopeo"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    made = Registry(tmp_path)
    made.start()
    yield made
    made.stop()


def oci_layout(folder: Path) -> Path:
    """An image of two platforms as an OCI layout."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content: bytes) -> dict[str, Any]:
        digest = digest_of(content)
        (blobs / digest[7:]).write_bytes(content)
        return {"digest": digest, "size": len(content)}

    manifests = []
    for machine in ("amd64", "arm64"):
        layer_path = folder / "layer.tar"
        data = folder / "data"
        data.write_bytes(random.Random(machine).randbytes(250_000))
        with tarfile.open(layer_path, "w") as tar:
            tar.add(data, "data")
        layer = blob(layer_path.read_bytes())
        config = blob(
            json.dumps(
                {
                    "architecture": machine,
                    "os": "linux",
                    "config": {},
                    "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
                }
            ).encode()
        )
        oci = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{oci}.manifest.v1+json",
            "config": {"mediaType": f"{oci}.config.v1+json", **config},
            "layers": [{"mediaType": f"{oci}.layer.v1.tar", **layer}],
        }
        told = blob(json.dumps(manifest).encode())
        manifests.append(
            {
                "mediaType": f"{oci}.manifest.v1+json",
                **told,
                "platform": {"os": "linux", "architecture": machine},
            }
        )
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    }
    top = blob(json.dumps(index).encode())
    entry = {"mediaType": index["mediaType"], **top}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


async def push(layout: Path, registry: Registry) -> None:
    """Copy the layout into the registry, as soon as it listens."""
    for _ in range(100):
        process = await asyncio.create_subprocess_exec(
            "skopeo",
            "copy",
            "--all",
            "--dest-tls-verify=false",
            "--insecure-policy",
            f"oci:{layout}",
            f"docker://{registry.address}/team/app:1.0",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await process.communicate()
        if process.returncode == 0:
            return
        if b"refused" not in error:
            raise AssertionError(error.decode())
        await asyncio.sleep(0.05)
    raise AssertionError("the registry does not listen")


async def test_the_layers_of_an_image_are_brought_for_a_platform(
    bed: Bed, registry: Registry, tmp_path: Path
) -> None:
    await push(oci_layout(tmp_path / "layout"), registry)
    url = f"http://{registry.address}/v2/team/app/manifests/1.0"
    steps = await brought(bed, type="image", url=url, platform="linux/arm64")
    assert len(steps) == 2  # the configuration and one layer
    assert max(step["size_bytes"] for step in steps.values()) > 200_000
    steps = await brought(
        bed, type="image", url=f"oci+http://{registry.address}/team/app:1.0", platform="all"
    )
    assert len(steps) == 4
    wish = {"type": "get_image_distribution", "args": {"url": url, "platform": "linux/arm64"}}
    made = await bed.client.ask("POST", "/api/v1/jobs", wish)
    result = (await bed.client.over(made["id"]))["result"]
    assert len(result["image"]["layers"]) == 2
    held = {peer["hostname"]: len(peer["image"]["layers"]) for peer in result["peers"]}
    assert held == {"seed-1": 2, "node-1": 2}
    job = await bed.client.over(
        await bed.client.preheat(type="image", url=url, platform="linux/s390x")
    )
    assert "linux/amd64, linux/arm64" in job["error"]
