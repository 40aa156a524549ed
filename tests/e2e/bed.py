"""What a module of end-to-end tests works with: the origin, the swarm, and things to download.

Made once per module by the fixture ``bed`` (conftest), which also hands each test fresh counters.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.run import Result, run_cli, run_client
from tests.e2e.secrets import READER, STRANGER
from tests.standin.process import StandInProcess
from tests.swarm.plan import laid_over
from tests.swarm.swarm import Host, Swarm

MIB = 1 << 20
CDN_HOST = "127.0.0.2"

Changes = dict[str, Any]

# Settings of the stand-in that tests change.
DEFAULTS: Changes = {
    "xet": False,
    "signing": "gcp",
    "gzip": False,
    "page_size": 1000,
    "hub_base": None,
    "cdn_base": None,
}


@dataclass(frozen=True)
class Plan:
    """What a module's swarm is like. `node` makes changes to the nodes' configuration."""

    nodes: int = 1
    tls: bool = False
    node: Callable[[StandInProcess], Changes] = lambda _standin: {}
    seed: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """A repository that the stand-in serves."""

    id: str
    commit: str
    sha256: Mapping[str, str]
    sizes: Mapping[str, int]

    @property
    def size_bytes(self) -> int:
        """All its files together."""
        return sum(self.sizes.values())

    def resolve(self, path: str, prefix: str = "") -> str:
        """Path of the download URL of a file."""
        return f"/{prefix}{self.id}/resolve/main/{path}"

    def whole(self, folder: Path) -> bool:
        """Whether `folder` holds exactly these files, byte for byte."""
        return all(sha256(folder / path) == digest for path, digest in self.sha256.items())


@dataclass
class Bed:
    """`folder` holds the homes of the clients; the first node is the one most tests ask.

    `nodes` are those of the plan, without what a test adds.
    """

    folder: Path
    standin: StandInProcess
    swarm: Swarm
    settings: Changes
    nodes: tuple[Host, ...]
    granted: list[str] = field(default_factory=list)
    _serial: Any = field(default_factory=itertools.count)

    @property
    def node(self) -> Host:
        """The first node."""
        return self.nodes[0]

    @property
    def endpoint(self) -> str:
        """HF_ENDPOINT for mirror mode, and HTTP_PROXY."""
        return self.node.proxy_url

    def another_node(self, **changes: Any) -> Host:
        """Start one more node with changes of its own; it stops with the others."""
        node = self.swarm.add_node(**laid_over({"verbose": True}, changes))
        node.start()
        node.wait_ready()
        return node

    def reset(self) -> None:
        """Count from nought; behave."""
        self.standin.call("post", "clear-faults")
        self.standin.call("post", "settings", **(DEFAULTS | self.settings))
        self.standin.reset()

    def check_daemons(self) -> None:
        """Every member still runs, and none of them met an error that nobody expected."""
        gone = [member.name for member in self.swarm.members if not member.running]
        assert not gone, f"ended: {gone}\n{self.swarm.tails()}"
        errors = [
            line
            for member in self.swarm.members
            for line in (member.log_text() + member.output_text()).splitlines()
            if '"level": "error"' in line or line.startswith("Traceback")
        ]
        assert not errors, "\n".join(errors[:10])

    @property
    def proxy_ca(self) -> str:
        """The CA that clients of an intercepting node must trust."""
        return str(self.folder / "proxy-ca" / "ca.crt")

    def fresh(self, name: str) -> str:
        """A name that no other test of the module uses."""
        return f"{name}-{next(self._serial)}"

    def home(self) -> Path:
        """An empty home folder for a client."""
        return self.folder / "homes" / self.fresh("home")

    def repo(
        self, files: Mapping[str, Any] | None = None, *, reader: bool = False, **options: Any
    ) -> Made:
        """Serve a repository of its own; `reader` lets the reader's token in.

        Without `files` it has a text, an empty file, a nested one and 1 MiB of weights.
        """
        repo_id = f"org/{self.fresh('repo')}"
        if reader:
            self.granted.append(repo_id)
            self.standin.call("post", "token", token=READER, user="reader", granted=self.granted)
            self.standin.call("post", "token", token=STRANGER, user="stranger")
        answer = self.standin.create(repo_id, dict(files or self.few_files()), **options)
        return Made(repo_id, answer["commit"], answer["sha256"], answer["sizes"])

    def few_files(self) -> dict[str, Any]:
        """Files of the usual kinds, unlike those of any other test."""
        name = self.fresh("content")
        return {
            "config.json": f'{{"of": "{name}"}}',
            "empty.txt": "",
            "nested/deeper/vocab.txt": f"{name}\n" * 300,
            "model.safetensors": self.weights(MIB),
        }

    def plain(self, file: Any = None) -> str:
        """URL of a file of an ordinary web server, that no rule names."""
        name = self.fresh("plain")
        self.standin.call("post", "plain", name=name, file=file or self.weights(MIB))
        return f"{self.standin.web_url}/plain/{name}"

    def weights(self, size_bytes: int) -> dict[str, int]:
        """Generated weights, unlike those of any other test."""
        return {"generated": size_bytes, "seed": next(self._serial)}

    def run(self, version: str, code: str, **options: Any) -> Result:
        """Run Python with huggingface_hub `version` in mirror mode at the first node."""
        options.setdefault("endpoint", self.endpoint)
        options.setdefault("home", self.home())
        return run_client(version, code, **options)

    def cli(self, version: str, *arguments: str, **options: Any) -> Result:
        """Run the `hf` command in mirror mode at the first node."""
        options.setdefault("endpoint", self.endpoint)
        options.setdefault("home", self.home())
        return run_cli(version, *arguments, **options)

    def origin_bytes(self, repo: Made, path: str = "model.safetensors") -> int:
        """How many bytes of a file the origin has sent since the test began."""
        return self.standin.bytes_of(f"{repo.id}/{path}")

    @staticmethod
    def until(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Whether it becomes true in time."""
        deadline = time.monotonic() + timeout_s
        while not (done := true()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return done

    def requests(self, kind: str) -> list[dict[str, Any]]:
        """The origin's log of one kind of request since the test began."""
        return [r for r in self.standin.call("get", "requests") if r["kind"] == kind]


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def started(plan: Plan, folder: Path) -> Iterator[Bed]:
    """Start the origin and the swarm of a module; stop them afterwards."""
    with StandInProcess(folder / "standin", tls=plan.tls) as standin:
        # Verbose: what is searched for secrets is all that can be logged. What the Hub said holds for
        # a whole test, however long its clients take to start.
        told = {"cdnHosts": [CDN_HOST], "refTtl": "10m", "allowTtl": "10m"}
        hub: Changes = {"hub": told, "verbose": True}
        ca = {"proxy": {"intercept": {"caDir": str(folder / "proxy-ca")}}}
        swarm = Swarm(
            folder / "swarm",
            hub=standin.hub_url,
            hub_ca=standin.ca_file,
            nodes=plan.nodes,
            node=laid_over(laid_over(hub, ca), plan.node(standin)),
            seed=laid_over(hub, plan.seed),
            scheduler={"verbose": True},
        )
        with swarm:
            yield Bed(folder, standin, swarm, dict(plan.settings), tuple(swarm.nodes))
