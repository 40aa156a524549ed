"""What the fault tests work with: a stand-in Hub, a swarm, blobs to download, and proof of the end.

A module makes a `Bed` for as long as its tests may share a swarm; a test that breaks a member for
good makes its own.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.reader import Reader, Received
from tests.conftest import _SWARMS
from tests.e2e.secrets import READER, STRANGER, leaks
from tests.standin.process import StandInProcess
from tests.swarm.swarm import Host, Swarm

MIB = 1 << 20
CDN_HOST = "127.0.0.2"
_serial = itertools.count(1)


@dataclass(frozen=True)
class Blob:
    """A file that the origin serves."""

    name: str
    path: str
    sha256: str
    size_bytes: int

    def is_whole(self, received: Received) -> bool:
        """Whether the client has exactly this file."""
        return received.sha256 == self.sha256 and received.status in (200, 206)


class Bed:
    """A running origin and swarm."""

    def __init__(self, folder: Path, standin: StandInProcess, swarm: Swarm) -> None:
        self.folder = folder
        self.standin = standin
        self.swarm = swarm
        self.granted: set[str] = set()

    def blob(
        self,
        size_bytes: int,
        *,
        name: str = "",
        private: bool = False,
        readers: bool = False,
        **options: Any,
    ) -> Blob:
        """Serve a model file of its own. ``private``, or with ``readers``: the reader may have it."""
        number = next(_serial)
        repo = name or f"org/fault-{number}"
        spec = {"generated": size_bytes, "seed": number}
        made = self.standin.create(repo, {"model.safetensors": spec}, private=private, **options)
        if private or readers:
            self.granted.add(repo)
            self.standin.call(
                "post", "token", token=READER, user="reader", granted=sorted(self.granted)
            )
            self.standin.call("post", "token", token=STRANGER, user="stranger")
        path = f"/{repo}/resolve/main/model.safetensors"
        digest = made["sha256"]["model.safetensors"]
        return Blob(f"{repo}/model.safetensors", path, digest, size_bytes)

    def plain(self, size_bytes: int, *, name: str = "", seed: int | None = None) -> Blob:
        """Serve a file of an ordinary web server, whose digest nobody tells."""
        number = next(_serial)
        name = name or f"file-{number}"
        spec = {"generated": size_bytes, "seed": number if seed is None else seed}
        made = self.standin.call("post", "plain", name=name, file=spec)
        url = f"{self.standin.cdn_url}/plain/{name}"
        return Blob(f"plain/{name}", url, made["sha256"], size_bytes)

    def read(self, host: Host, blob: Blob, **options: Any) -> Reader:
        """Start a download of the blob through a host: as a mirror, or as a proxy of a URL."""
        if blob.path.startswith("http"):
            return Reader(blob.path, proxy=host.proxy_url, **options)
        return Reader(host.proxy_url + blob.path, **options)

    def read_all(self, blob: Blob, **options: Any) -> list[Reader]:
        """Start a download through every node at once."""
        return [self.read(node, blob, **options) for node in self.swarm.nodes]

    def origin_bytes(self, blob: Blob) -> int:
        """What the origin has sent of the blob."""
        return self.standin.bytes_of(blob.name)

    def log_of(self, kind: str) -> list[dict[str, Any]]:
        """The origin's log of one kind of request."""
        return [r for r in self.standin.call("get", "requests") if r["kind"] == kind]

    def throttle(self, blob: Blob, bytes_per_s: int) -> None:
        """Make each request of the blob slow at the origin, so that there is a middle to hit."""
        on = ["cdn", "plain"]
        self.standin.fault("throttle", on=on, object=blob.name, bytes_per_s=bytes_per_s)

    def behave(self) -> None:
        """No more faults at the origin."""
        self.standin.call("post", "clear-faults")


def wait_until(what: Callable[[], bool], why: str, timeout_s: float = 30.0) -> None:
    """Poll what only another process knows."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {why}"
        time.sleep(0.05)


@contextmanager
def started(folder: Path, **options: Any) -> Iterator[Bed]:
    """Start an origin and a swarm; at the end no secret may have left its place."""
    with StandInProcess(folder / "standin") as standin:
        with Swarm(folder / "swarm", hub=standin.hub_url, **options) as swarm:
            bed = Bed(folder, standin, swarm)
            yield bed
            for member in swarm.members:
                member.thaw()
            found = leaks(swarm)
            assert not found, found
            # Faults are of the world outside: no daemon may take one for a bug of its own.
            for member in swarm.members:
                said = member.log_text() + member.output_text()
                assert '"level": "error"' not in said, member.tail()
                assert "Traceback" not in said, member.tail()
            assert standin.counters()["cdn_authorization"] == 0


def watch(request: pytest.FixtureRequest, bed: Bed) -> None:
    """Have the last words of the swarm shown if this test fails."""
    request.node.stash.setdefault(_SWARMS, []).append(bed.swarm)
