"""git-lfs, aria2, curl, wget, skopeo and the guide's own script through a node."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import ProxyConfig, RegistryMirrorConfig, RuleConfig
from tests.clients import guide_recipe
from tests.component.dfdaemon_proxy.bed import Cluster, Node, until
from tests.standin import StandIn, fixtures
from tests.standin.content import Content

pytestmark = pytest.mark.clients


def needs(program: str) -> pytest.MarkDecorator:
    reason = f"{program} is not installed (tests/clients/install --tools)"
    return pytest.mark.skipif(shutil.which(program) is None, reason=reason)


async def run(*command: str, cwd: Path, **env: str) -> str:
    """Run a client in a clean environment; its output, when it ends well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "GIT_TERMINAL_PROMPT": "0"} | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.fixture
async def node(tmp_path: Path, hub: HubConfig) -> AsyncIterator[Node]:
    async with Cluster(tmp_path / "bed", hub) as cluster:
        yield await cluster.node()


@needs("git-lfs")
@pytest.mark.parametrize("private", [False, True])
async def test_git_lfs_clones_with_its_objects_from_the_swarm(
    private: bool, node: Node, standin: StandIn, tmp_path: Path
) -> None:
    repo = fixtures.tiny(standin.state, "org/cloned", private=private)
    fixtures.tokens(standin.state, "org/cloned")
    url = f"{node.url}/org/cloned"
    if private:
        url = url.replace("://", f"://reader:{fixtures.READER_TOKEN}@")
    await run("git", "lfs", "install", cwd=tmp_path)
    await run("git", "clone", url, "here", cwd=tmp_path)
    for path, file in repo.commits[repo.head].items():
        assert (tmp_path / "here" / path).read_bytes() == file.content.data
    (spec,) = node.tasks.fetched
    assert spec.digest is not None
    assert spec.digest.value == repo.file("model.safetensors").etag


@needs("aria2c")
@pytest.mark.parametrize("mirror", [True, False])
async def test_aria2_fetches_in_parallel(
    mirror: bool, node: Node, standin: StandIn, tmp_path: Path
) -> None:
    weights = fixtures.weights(tmp_path, 24 << 20)
    standin.state.create("org/big", {"model.safetensors": weights})
    base = node.url if mirror else standin.hub_url
    env = {} if mirror else {"http_proxy": node.url}
    url = f"{base}/org/big/resolve/main/model.safetensors"
    await run("aria2c", "-x16", "-s16", "-k1M", "-o", "model", url, cwd=tmp_path, **env)
    assert Content(tmp_path / "model").sha256 == weights.sha256
    assert len(node.tasks.specs) > 4
    assert len(node.tasks.fetched) == 1


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("curl", "-sfL", "-C", "-", "-o", "model"), marks=needs("curl")),
        pytest.param(("wget", "-q", "-c", "-O", "model"), marks=needs("wget")),
    ],
    ids=["curl", "wget"],
)
async def test_a_partial_file_is_continued(
    command: tuple[str, ...], node: Node, standin: StandIn, tmp_path: Path
) -> None:
    weights = standin.state.repos["model", "org/tiny"].file("model.safetensors").content.data
    (tmp_path / "model").write_bytes(weights[:1000])
    url = f"{standin.hub_url}/org/tiny/resolve/main/model.safetensors"
    await run(*command, url, cwd=tmp_path, http_proxy=node.url)
    assert (tmp_path / "model").read_bytes() == weights
    assert node.tasks.wanted[-1] is not None
    assert node.tasks.wanted[-1].start == 1000


async def test_a_gguf_model_is_found_as_ollama_does(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.state.create("org/gguf", {"m-Q8_0.gguf": b"eight"})
    base = f"{node.url}/v2/org/gguf"
    async with http.get(f"{base}/manifests/Q8_0") as answer:
        manifest = json.loads(await answer.read())
    async with http.get(f"{base}/blobs/{manifest['layers'][0]['digest']}") as answer:
        assert await answer.read() == b"eight"
    assert node.tasks.specs[0].content == f"sha256:{hashlib.sha256(b'eight').hexdigest()}"
    async with http.get(f"{base}/manifests/Q2") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("version", guide_recipe.HUB_VERSIONS)
async def test_the_guides_script_downloads_as_written(
    version: str, tmp_path: Path, standin: StandIn, home: Path
) -> None:
    weights = Content(b"falcon" * 10_000)
    standin.state.create(guide_recipe.REPO, {guide_recipe.FILE: weights})
    standin.settings.change(signing="cloudfront", cdn_base=guide_recipe.CDN)
    # The guide's configuration, but for the address of the CDN. The Hub is not mirrored: the
    # guide's client asks it directly, and only its storage through the proxy.
    hub = HubConfig(cdn_hosts=(standin.cdn_url.partition("://")[2],))
    config = ProxyConfig(
        default_filter="Expires&Key-Pair-Id&Policy&Signature",
        registry_mirror=RegistryMirrorConfig(url=standin.cdn_url, insecure=True),
        proxies=(RuleConfig("repos.*"),),
    )
    async with Node(tmp_path / "node", hub, config) as node:
        for at in ("one", "two"):
            result = await asyncio.to_thread(
                guide_recipe.run_guide,
                version,
                home=home / at,
                endpoint=standin.hub_url,
                port=node.server.port,
            )
            assert result.ok, result.err
            assert Content(guide_recipe.downloaded(home / at)).sha256 == weights.sha256
        assert len(node.tasks.specs) == 2
        assert len(node.tasks.fetched) == 1


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[str]:
    """A docker-registry on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "log": {"level": "error"},
    }
    path = tmp_path / "registry.yml"
    path.write_text(json.dumps(config))
    process = await asyncio.create_subprocess_exec(
        "docker-registry",
        "serve",
        str(path),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    def answers() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    await until(answers)
    yield f"127.0.0.1:{port}"
    process.terminate()
    await process.wait()


def image(folder: Path) -> None:
    """An OCI image of one layer, as skopeo reads it from a folder."""
    # Compressed, or skopeo would compress it and the digest would be another.
    layer, config = gzip.compress(b"layer" * 50_000), b'{"architecture":"amd64","os":"linux"}'
    described = []
    for content, kind in ((config, "config.v1+json"), (layer, "layer.v1.tar+gzip")):
        digest = hashlib.sha256(content).hexdigest()
        (folder / digest).write_bytes(content)
        described.append(
            {
                "mediaType": f"application/vnd.oci.image.{kind}",
                "digest": f"sha256:{digest}",
                "size": len(content),
            }
        )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described[0],
        "layers": described[1:],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "version").write_text("Directory Transport Version: 1.1\n")


@needs("skopeo")
@needs("docker-registry")
async def test_skopeo_copies_an_image_through_the_registry_mirror(
    registry: str, tmp_path: Path, hub: HubConfig
) -> None:
    (tmp_path / "image").mkdir()
    image(tmp_path / "image")
    insecure = ("--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false")
    await run("skopeo", *insecure, "dir:image", f"docker://{registry}/a/b:1", cwd=tmp_path)
    mirror = RegistryMirrorConfig(url=f"http://{registry}")
    async with Node(tmp_path / "node", hub, ProxyConfig(registry_mirror=mirror)) as node:
        for at in ("one", "two"):
            source = f"docker://{node.url.removeprefix('http://')}/a/b:1"
            await run("skopeo", *insecure, source, f"dir:{at}", cwd=tmp_path)
            copied = {path.name: path.read_bytes() for path in (tmp_path / at).iterdir()}
            for path in (tmp_path / "image").iterdir():
                if path.name not in ("version", "manifest.json"):
                    assert copied[path.name] == path.read_bytes()
        assert len(node.tasks.fetched) == 2
