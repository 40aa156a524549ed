"""The injector as the API server meets it: https, a review in, a patch out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from dfcore.errors import ConfigError
from dfinfra.authority import create_ca, issue
from dfkube.injector.config import InjectorConfig
from dfkube.injector.server import Certificate, Injector

REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "request": {
        "uid": "u1",
        "kind": {"kind": "Pod"},
        "namespace": "team",
        "object": {"metadata": {}, "spec": {"containers": [{"name": "main", "image": "x"}]}},
    },
}


def make_certificate(folder: Path) -> None:
    """A pair as the chart mounts it, whose authority is in ``ca.crt`` beside it."""
    authority = create_ca(folder / "ca")
    issue(authority, folder, "host", ips=["127.0.0.1"], dns=["injector"])
    for kind in ("crt", "key"):
        (folder / f"tls.{kind}").write_bytes((folder / f"host.{kind}").read_bytes())


@pytest.fixture
async def injector(tmp_path: Path) -> AsyncIterator[Injector]:
    make_certificate(tmp_path)
    made = Injector(InjectorConfig(listen_ip="127.0.0.1", port=0, tls_dir=tmp_path))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(injector: Injector, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    base = f"https://127.0.0.1:{injector.port}"
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(base, connector=connector) as session:
        yield session


@pytest.mark.parametrize(("path", "changed"), [("/mutate", False), ("/mutate/namespace", True)])
async def test_the_path_tells_whether_the_name_space_asked(
    client: aiohttp.ClientSession, path: str, changed: bool
) -> None:
    async with client.post(path, json=REVIEW) as answer:
        response = (await answer.json())["response"]
    assert response["allowed"] and ("patch" in response) is changed


async def test_nonsense_is_told_in_one_line(client: aiohttp.ClientSession) -> None:
    for body in (b"{", b"[]", b""):
        async with client.post("/mutate", data=body) as answer:
            assert answer.status == 400
            assert (await answer.text()).count("\n") == 1
    async with client.get("/healthy") as answer:
        assert answer.status == 200


async def test_a_renewed_certificate_is_used(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    certificate = Certificate(tmp_path)
    assert not certificate.refresh()
    await asyncio.to_thread(make_certificate, tmp_path)
    assert certificate.refresh()


def test_a_missing_certificate_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tlsDir"):
        Certificate(tmp_path / "none")
