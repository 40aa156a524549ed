"""Origins whose certificates a private authority signs: whose word counts, and for which hosts."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.standin.process import StandInProcess
from tests.swarm.plan import Changes
from tests.swarm.swarm import Swarm

pytestmark = pytest.mark.cluster

SIZE = 3 << 20
NO_HUB = "http://127.0.0.1:9"


@contextmanager
def registry(folder: Path) -> Iterator[StandInProcess]:
    with StandInProcess(folder / "origin", tls=True) as origin:
        yield origin


def mirror(origin: StandInProcess) -> Changes:
    """A node's keys: the registry is mirrored, its blobs come by swarm, its authority is known."""
    settings = {"url": origin.web_url, "certs": [origin.ca_file]}
    return {"proxy": {"registryMirror": settings, "proxies": [{"regx": "/plain/"}]}}


def trust(origin: StandInProcess) -> Changes:
    """A seed's keys: the same authority for the same host."""
    host = urlsplit(origin.web_url).netloc
    return {"origin": {"trust": [{"hosts": [host], "certs": [origin.ca_file]}]}}


def plain(origin: StandInProcess, name: str) -> tuple[str, str]:
    """Path and sha256 of a file of the registry."""
    made = origin.call("post", "plain", name=name, file={"generated": SIZE, "seed": 1})
    return f"/plain/{name}", made["sha256"]


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_mirrored_registry_of_a_private_authority_reaches_the_swarm(tmp_path: Path) -> None:
    with registry(tmp_path) as origin:
        path, digest = plain(origin, "layer")
        with Swarm(
            tmp_path / "swarm", hub=NO_HUB, nodes=2, node=mirror(origin), seed=trust(origin)
        ) as swarm:
            for node in swarm.nodes:
                status, body = get(node.proxy_url + path)
                assert (status, sha256(body)) == (200, digest), swarm.tails()
            assert swarm.seed.figures().traffic.origin == SIZE
            assert all(node.figures().traffic.origin == 0 for node in swarm.nodes)


def test_a_node_alone_trusts_it_as_well(tmp_path: Path) -> None:
    with registry(tmp_path) as origin:
        path, digest = plain(origin, "layer")
        with Swarm(tmp_path / "swarm", hub=NO_HUB, nodes=1, seeds=0, node=mirror(origin)) as swarm:
            status, body = get(swarm.nodes[0].proxy_url + path)
            assert (status, sha256(body)) == (200, digest), swarm.tails()
            assert swarm.nodes[0].figures().traffic.origin == SIZE


def test_it_vouches_for_the_host_of_the_mirror_alone(tmp_path: Path) -> None:
    """The header of a request may name any host: the authority must not follow it there."""
    with registry(tmp_path) as origin:
        path, _ = plain(origin, "layer")
        changes: dict[str, Any] = mirror(origin)
        changes["proxy"]["registryMirror"]["url"] = "https://registry.invalid"
        with Swarm(tmp_path / "swarm", hub=NO_HUB, nodes=1, seeds=0, node=changes) as swarm:
            proxy = swarm.nodes[0].proxy_url
            status, body = get(proxy + path, {"X-Dragonfly-Registry": origin.web_url})
            assert status == 502, body
            assert b"certificate" in body
