"""Three nodes at once: whatever the clients and their ways in, the origin sends the bytes once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.bed import MIB, Bed, Made, Plan, sha256
from tests.e2e.http import fetch
from tests.e2e.secrets import READER
from tests.e2e.tools import needs, run_tool
from tests.swarm.swarm import Host

pytestmark = [pytest.mark.cluster, pytest.mark.clients]

PLAN = Plan(nodes=3)
MOST_RATIO = 1.01
T = TypeVar("T")


def at_once(bed: Bed, work: Callable[[Host], T]) -> list[T]:
    """Do the work on all nodes at the same time."""
    with ThreadPoolExecutor(len(bed.nodes)) as pool:
        return list(pool.map(work, bed.nodes))


def ratio(bed: Bed, repo: Made) -> float:
    """What the origin sent of the repository's files, over their size."""
    counters = bed.standin.counters()
    return sum(counters["bytes_by_object"].values()) / repo.size_bytes


def snapshot(bed: Bed, repo: Made, version: str, node: Host, **options: object) -> bool:
    code = f"print(snapshot_download({repo.id!r}))"
    return repo.whole(bed.run(version, code, endpoint=node.proxy_url, **options).path())


@pytest.mark.parametrize("versions", [("2.4.0",) * 3, ("0.36.2", "1.33.0", "2.4.0")])
@pytest.mark.parametrize("kind", ["public", "private"])
def test_a_repository(kind: str, versions: tuple[str, ...], bed: Bed) -> None:
    files = {**bed.few_files(), "model.safetensors": bed.weights(48 * MIB)}
    repo = bed.repo(files, reader=True, private=kind == "private")
    chosen = dict(zip(bed.nodes, versions, strict=True))
    done = at_once(bed, lambda node: snapshot(bed, repo, chosen[node], node, token=READER))
    assert all(done)
    assert ratio(bed, repo) <= MOST_RATIO
    assert bed.origin_bytes(repo) == 48 * MIB


def test_several_clients_of_one_node(bed: Bed) -> None:
    repo = bed.repo({"model.safetensors": bed.weights(24 * MIB)})
    with ThreadPoolExecutor(3) as pool:
        wait = [pool.submit(snapshot, bed, repo, "2.4.0", bed.node) for _ in range(3)]
    assert all(future.result() for future in wait)
    assert bed.origin_bytes(repo) == 24 * MIB


def test_many_small_files(bed: Bed) -> None:
    count = 300
    name = bed.fresh("small")
    files = {f"parts/{n // 20:03}/{n:05}.txt": f"{name} {n}\n" for n in range(count)}
    repo = bed.repo(files)
    assert all(at_once(bed, lambda node: snapshot(bed, repo, "2.4.0", node)))
    assert ratio(bed, repo) <= MOST_RATIO
    # No file was asked for more than once by a GET, and most not even by a HEAD.
    requests = bed.standin.counters()["requests"]
    assert requests.get("resolve GET", 0) <= count * MOST_RATIO
    assert requests.get("resolve HEAD", 0) <= count / 2


@needs("aria2c")
def test_sixteen_connections_each(bed: Bed) -> None:
    size = 40 * MIB
    repo = bed.repo({"model.safetensors": bed.weights(size)})

    def download(node: Host) -> str:
        home = bed.home()
        home.mkdir(parents=True)
        url = node.proxy_url + repo.resolve("model.safetensors")
        options = ("-q", "-x16", "-s16", "-k1M", "-t30", "-o", "model")
        run_tool("aria2c", *options, url, cwd=home)
        return sha256(home / "model")

    assert at_once(bed, download) == [repo.sha256["model.safetensors"]] * 3
    assert ratio(bed, repo) <= MOST_RATIO


def test_different_parts(bed: Bed) -> None:
    size = 12 * MIB
    repo = bed.repo({"model.safetensors": bed.weights(size)})
    starts = dict(zip(bed.nodes, (0, 4 * MIB, 8 * MIB), strict=True))

    def part(node: Host) -> bytes:
        wanted = {"Range": f"bytes={starts[node]}-{starts[node] + 4 * MIB - 1}"}
        url = node.proxy_url + repo.resolve("model.safetensors")
        got = fetch(url, headers=wanted)
        assert got.status == 206
        return got.body

    parts = at_once(bed, part)
    whole = fetch(bed.endpoint + repo.resolve("model.safetensors"))
    assert whole.sha256 == repo.sha256["model.safetensors"]
    assert b"".join(parts) == whole.body
    assert ratio(bed, repo) <= MOST_RATIO


def test_signed_links(bed: Bed) -> None:
    size = 24 * MIB
    repo = bed.repo({"model.safetensors": bed.weights(size)})

    def download(node: Host) -> str:
        url = bed.standin.hub_url + repo.resolve("model.safetensors")
        link = fetch(url).header("Location")
        assert link is not None
        return fetch(link, proxy=node.proxy_url).sha256

    assert at_once(bed, download) == [repo.sha256["model.safetensors"]] * 3
    assert ratio(bed, repo) <= MOST_RATIO


def test_a_plain_web_server(bed: Bed) -> None:
    size = 24 * MIB
    url = bed.plain(bed.weights(size))
    use = {"X-Dragonfly-Use-P2P": "true"}
    digests = at_once(bed, lambda node: fetch(url, proxy=node.proxy_url, headers=use).sha256)
    assert len(set(digests)) == 1
    assert bed.standin.bytes_of(url.split("/", 3)[3]) <= size * MOST_RATIO


def test_the_log_tells_where_the_bytes_came_from(bed: Bed, tmp_path: Path) -> None:
    repo = bed.repo({"model.safetensors": bed.weights(8 * MIB)})
    before = {node: node.figures().traffic for node in bed.nodes}
    assert all(at_once(bed, lambda node: snapshot(bed, repo, "2.4.0", node)))
    for node in bed.nodes:
        after = node.figures().traffic
        assert after.origin == before[node].origin
        assert after.total - before[node].total == 8 * MIB
        assert "peer task done, cost: " in node.log_text()
