"""What the origin is asked when many nodes want the same at once: bytes, and requests to the Hub."""

from __future__ import annotations

from pathlib import Path

from bench import measure
from tests.clients.run import start_client
from tests.standin.process import StandInProcess
from tests.swarm.swarm import Swarm

REPO = "org/model"


def origin_bytes(folder: Path, *, nodes: int, size_bytes: int) -> dict[str, float]:
    """``nodes`` cold nodes download one file at once; bytes that left the origin, over its size."""
    with StandInProcess(folder / "hub") as hub:
        hub.create(REPO, {"model.safetensors": {"generated": size_bytes, "seed": 1}})
        with Swarm(folder / "swarm", hub=hub.hub_url, nodes=nodes) as swarm:
            path = f"{REPO}/resolve/main/model.safetensors"
            curls = [measure.start_curl(f"{node.proxy_url}/{path}") for node in swarm.nodes]
            took = [measure.ended(curl) for curl in curls]
            sent = hub.bytes_of(f"{REPO}/model.safetensors")
            peers = sum(node.figures().traffic.peer for node in swarm.nodes)
    size = took[0].size_bytes
    return {
        "nodes": nodes,
        "origin_ratio": sent / size,
        "from_peers_ratio": peers / (size * nodes),
        "last_node_s": max(one.total_s for one in took),
    }


SNAPSHOT = """
from huggingface_hub import snapshot_download
print(snapshot_download({repo!r}))
"""


def hub_requests(folder: Path, *, nodes: int, version: str = "2.4.0") -> dict[str, float]:
    """Requests that reach the Hub for a 50-file snapshot: one direct client, then ``nodes`` nodes."""
    code = SNAPSHOT.format(repo="org/fifty")
    with StandInProcess(folder / "hub") as hub:
        files: dict[str, object] = {"config.json": "{}"}
        files |= {f"part-{n}.safetensors": {"generated": 65536, "seed": n} for n in range(5)}
        files |= {f"text/{n}.txt": f"file {n}\n" for n in range(44)}
        hub.create("org/fifty", files)
        hub.reset()
        _finish([start_client(version, code, home=folder / "direct", endpoint=hub.hub_url)])
        direct = _requests(hub.counters())
        hub.reset()
        with Swarm(folder / "swarm", hub=hub.hub_url, nodes=nodes) as swarm:
            _finish(
                [
                    start_client(
                        version, code, home=folder / f"home-{index}", endpoint=node.proxy_url
                    )
                    for index, node in enumerate(swarm.nodes)
                ]
            )
        through = _requests(hub.counters())
    return {
        "nodes": nodes,
        "direct_requests": direct,
        "swarm_requests": through,
        "ratio": through / direct,
    }


def _requests(counters: dict[str, object]) -> int:
    """Hub API and resolve requests, without what goes to the CDN."""
    requests = counters["requests"]
    assert isinstance(requests, dict)
    return sum(n for kind, n in requests.items() if kind.split()[0] in HUB_KINDS)


HUB_KINDS = ("api", "resolve", "resolve-cache", "xet-token")


def _finish(clients: list[object]) -> None:
    for client in clients:
        out, err = client.communicate(timeout=600)  # type: ignore[attr-defined]
        if client.returncode:  # type: ignore[attr-defined]
            raise RuntimeError(f"a client failed: {err or out}")
