"""git with git-lfs, curl, wget and aria2 against the stand-in, and the OCI-like calls."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import aiohttp
import pytest

from tests.standin import StandIn, fixtures
from tests.standin.content import Content


def needs(program: str) -> pytest.MarkDecorator:
    reason = f"{program} is not installed (tests/clients/install --tools)"
    return pytest.mark.skipif(shutil.which(program) is None, reason=reason)


async def run(*command: str, cwd: Path) -> str:
    """Run a client in a clean environment; its output, when it ends well."""
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_TERMINAL_PROMPT": "0"}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.clients
@needs("git-lfs")
@pytest.mark.parametrize("private", [False, True])
async def test_git_lfs_clones(private: bool, standin: StandIn, tmp_path: Path) -> None:
    repo = fixtures.tiny(standin.state, "org/cloned", private=private)
    fixtures.tokens(standin.state, "org/cloned")
    url = f"{standin.hub_url}/org/cloned"
    if private:
        url = url.replace("://", f"://reader:{fixtures.READER_TOKEN}@")
    await run("git", "lfs", "install", cwd=tmp_path)
    await run("git", "clone", url, "here", cwd=tmp_path)
    for path, file in repo.commits[repo.head].items():
        assert (tmp_path / "here" / path).read_bytes() == file.content.data
    assert standin.counters.bytes_of("org/cloned/model.safetensors") == 1 << 20


@pytest.mark.clients
@needs("aria2c")
async def test_aria2_fetches_in_parallel(standin: StandIn, tmp_path: Path) -> None:
    weights = fixtures.weights(tmp_path, 24 << 20)
    standin.state.create("org/big", {"model.safetensors": weights})
    url = f"{standin.hub_url}/org/big/resolve/main/model.safetensors"
    await run("aria2c", "-x16", "-s16", "-k1M", "-o", "model", url, cwd=tmp_path)
    assert Content(tmp_path / "model").sha256 == weights.sha256
    assert standin.counters.requests["cdn GET"] > 4


@pytest.mark.clients
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("curl", "-sfL", "-C", "-", "-o", "model"), marks=needs("curl")),
        pytest.param(("wget", "-q", "-c", "-O", "model"), marks=needs("wget")),
    ],
    ids=["curl", "wget"],
)
async def test_a_partial_file_is_continued(
    command: tuple[str, ...], standin: StandIn, tmp_path: Path
) -> None:
    weights = standin.state.repos["model", "org/tiny"].file("model.safetensors").content.data
    (tmp_path / "model").write_bytes(weights[:1000])
    url = f"{standin.hub_url}/org/tiny/resolve/main/model.safetensors"
    await run(*command, url, cwd=tmp_path)
    assert (tmp_path / "model").read_bytes() == weights
    assert standin.counters.bytes_of("org/tiny/model.safetensors") == len(weights) - 1000


async def test_a_gguf_model_is_found_as_ollama_does(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.state.create("org/gguf", {"m-Q4_K_M.gguf": b"four", "m-Q8_0.gguf": b"eight"})
    base = f"{standin.hub_url}/v2/org/gguf"
    async with http.get(f"{base}/manifests/Q8_0") as answer:
        manifest = await answer.json(content_type=None)
    async with http.get(f"{base}/blobs/{manifest['layers'][0]['digest']}") as answer:
        assert await answer.read() == b"eight"
    async with http.get(f"{base}/blobs/{manifest['config']['digest']}") as answer:
        assert answer.status == 200
    async with http.get(f"{base}/manifests/Q2") as answer:
        assert answer.status == 404
