"""skopeo copies an image from a docker-registry through the registry mirror, unmodified."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.bed import MIB, Bed, Plan, sha256
from tests.e2e.http import fetch
from tests.e2e.tools import needs, run_tool
from tests.swarm.ports import free_port

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.clients,
    *(mark for mark in [needs("skopeo", "docker-registry")]),
]

PORT = free_port()
URL = f"http://127.0.0.1:{PORT}"
IMAGE = "some/image:v1"
ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
LAYER_SIZE = 5 * MIB

PLAN = Plan(nodes=2, node=lambda _standin: {"proxy": {"registryMirror": {"url": URL}}})


@dataclass
class Registry:
    """A running docker-registry that holds one image; `digests` are those of its blobs."""

    log: Path
    digests: list[str]

    def sent(self, digest: str) -> int:
        """Bytes of a blob that the registry has sent, by its access log."""
        pattern = rf'"GET /v2/\S+/blobs/sha256:{digest} HTTP/1.1" 20\d (\d+)'
        return sum(int(size) for size in re.findall(pattern, self.log.read_text()))


@pytest.fixture(scope="module")
def registry(bed: Bed) -> Iterator[Registry]:
    folder = bed.folder / "registry"
    folder.mkdir()
    file = folder / "config.yml"
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}}
    http = {"addr": f"127.0.0.1:{PORT}"}
    file.write_text(json.dumps({"version": 0.1, "storage": storage, "http": http}))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(file)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        assert bed.until(lambda: _answers(f"{URL}/v2/"))
        _image(folder / "image")
        options = ("--insecure-policy", "copy", "-q", "--dest-tls-verify=false")
        to = f"docker://127.0.0.1:{PORT}/{IMAGE}"
        run_tool("skopeo", *options, f"oci:{folder / 'image'}:v1", to, cwd=folder)
        # skopeo has compressed the layers on their way.
        manifest = json.loads(fetch(f"{URL}/v2/some/image/manifests/v1", headers=ACCEPT).body)
        blobs = [manifest["config"], *manifest["layers"]]
        yield Registry(log, [blob["digest"].partition(":")[2] for blob in blobs])
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return fetch(url).status == 200
    except OSError:
        time.sleep(0.05)
        return False


def _image(folder: Path) -> None:
    """Write an OCI layout with one image of two layers."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        media = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    layers = [put(_tar(n), "layer.v1.tar") for n in range(2)]
    ids = [layer["digest"] for layer in layers]
    settings = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": ids},
    }
    settings_blob = put(json.dumps(settings).encode(), "config.v1+json")
    manifest = {"schemaVersion": 2, "config": settings_blob, "layers": layers}
    index_entry = put(json.dumps(manifest).encode(), "manifest.v1+json")
    index_entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [index_entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _tar(number: int) -> bytes:
    output = BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        entry = tarfile.TarInfo(f"weights-{number}")
        entry.size = LAYER_SIZE
        archive.addfile(entry, BytesIO(hashlib.shake_256(bytes([number])).digest(LAYER_SIZE)))
    return output.getvalue()


def test_an_image_is_copied_on_two_nodes_and_the_registry_sends_it_once(
    bed: Bed, registry: Registry, home: Path
) -> None:
    for number, node in enumerate(bed.nodes):
        source = f"docker://{urlsplit(node.proxy_url).netloc}/{IMAGE}"
        options = ("--insecure-policy", "copy", "-q", "--src-tls-verify=false")
        run_tool("skopeo", *options, source, f"dir:{home}/{number}", cwd=home)
        for digest in registry.digests:
            # skopeo names the files after their digests.
            assert sha256(home / str(number) / digest) == digest
    for digest in registry.digests:
        size = (home / "0" / digest).stat().st_size
        assert size <= registry.sent(digest) <= size * 1.01 + 8


def test_a_blob_is_named_by_its_digest_if_one_wants(bed: Bed, registry: Registry) -> None:
    digest = registry.digests[1]
    wish = {"X-Dragonfly-Enable-Task-ID-Based-Blob-Digest": "true"}
    got = fetch(f"{bed.endpoint}/v2/some/image/blobs/sha256:{digest}", headers=wish)
    assert got.sha256 == digest
    assert got.header("X-Dragonfly-Task-ID") == digest


def test_what_is_no_blob_is_passed_on(bed: Bed, registry: Registry) -> None:
    for target in ("/v2/", "/v2/some/image/manifests/v1", "/v2/some/image/tags/list", "/v2/no/x"):
        direct, ours = fetch(URL + target), fetch(bed.endpoint + target)
        assert (ours.status, ours.body) == (direct.status, direct.body)
    absent = f"/v2/some/image/blobs/sha256:{'0' * 64}"
    direct, ours = fetch(URL + absent), fetch(bed.endpoint + absent)
    assert (ours.status, ours.body) == (direct.status, direct.body)


def test_the_hub_is_mirrored_beside_the_registry(bed: Bed) -> None:
    repo = bed.repo()
    assert fetch(bed.endpoint + repo.resolve("model.safetensors")).status == 200
