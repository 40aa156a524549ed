"""A mount with all that is below it, each a process of its own that can be killed and comes back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from dffs.fuse.mount import abort, find_mount, umount
from dffs.options import CacheOptions, VolumeOptions
from dffs.tree import Tree
from dffs.vfs.kernel.mounting import KIND
from dffs.volume import Volume
from tests.component.dffs_kill.ledger import Ledger
from tests.servers.processes import Redis, SeaweedFS, Server
from tests.swarm.swarm import Host, Swarm

ROOT = Path(__file__).parents[3]
FOLDER = "load"
_START_S = 60.0
_NOBODY = "http://127.0.0.1:9"  # the hub, which nothing here asks


class KillBed:
    """Redis that writes every command to disk, SeaweedFS, a swarm of one node, and a mount."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path(mkdtemp(prefix="meganeura-kill-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.point = self.folder / "mnt"
        self._mount: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._stack:
            self.engine = self._stack.enter_context(Redis(self.folder / "engine", durable=True))
            self.store = self._stack.enter_context(SeaweedFS(self.folder / "store"))
            self._format()
            self.swarm = self._stack.enter_context(
                Swarm(
                    self.folder / "swarm",
                    hub=_NOBODY,
                    nodes=1,
                    seed={"objectStore": {"volume": self.engine.url}},
                )
            )
            self.point.mkdir()
            self._stack.callback(self._unmount)
            self.start_mount()
            (self.point / FOLDER).mkdir()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is killed, by turns: all there is, or what MEGANEURA_KILL_KINDS names."""
        return tuple(
            os.environ.get("MEGANEURA_KILL_KINDS", "mount,engine,store,dfdaemon").split(",")
        )

    def kill(self, kind: str) -> None:
        """kill -9, without a word to the others."""
        if kind == "mount":
            assert self._mount is not None
            self._mount.kill()
            self._mount.wait()
        else:
            self._servers[kind].kill()

    def bring_back(self, kind: str) -> None:
        """Start it again on what it left; returns when it is there."""
        if kind == "mount":
            self.start_mount()
        elif kind == "dfdaemon":
            self._node.restart()
        else:
            self._servers[kind].start()

    @property
    def _node(self) -> Host:
        return self.swarm.nodes[0]

    @property
    def _servers(self) -> dict[str, Server | Host]:
        return {"engine": self.engine, "store": self.store, "dfdaemon": self._node}

    def _dffs(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dffs.cli.main", *words]

    def _format(self) -> None:
        store = self.store
        bucket = f"{store.url}/{store.create_bucket('kills')}"
        keys = ("--access-key", store.access_key, "--secret-key", store.secret_key)
        done = self.run(
            *("format", self.engine.url, "kills", "--storage", "s3", "--bucket", bucket, *keys),
            *("--block-size", "64K", "--trash-days", "0", "--public-files"),
        )
        assert done.returncode == 0, done.stderr

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of ours, to its end."""
        return subprocess.run(
            self._dffs(*words), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )

    @property
    def mount_log(self) -> Path:
        """What the mounts said, all of them."""
        return self.folder / "mount.log"

    def start_mount(self) -> None:
        """Mount, with what is written kept nowhere: it is read back through the swarm."""
        socket = self._node.socket.removeprefix("unix:")
        command = self._dffs(
            *("mount", self.engine.url, str(self.point), "--cache-dir", str(self.folder / "cache")),
            *("--free-space-ratio", "0"),
            *("--daemon-socket", socket, "--no-cache-large-write"),
        )
        with self.mount_log.open("ab") as log:
            self._mount = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            assert self._mount.poll() is None, self.mount_log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.mount_log.read_text()[-2000:]
            time.sleep(0.02)

    def _answers(self) -> bool:
        with suppress(OSError):
            return (self.point / ".config").exists()
        return False

    def _unmount(self) -> None:
        """However it stands, nothing is left that anybody could hang in."""
        while (there := find_mount(self.point)) is not None and there.kind == KIND:
            with suppress(OSError):
                abort(there.minor)
            umount(self.point, lazy=True)
        if self._mount is not None:
            self._mount.kill()
            self._mount.wait()

    def last_words(self) -> str:
        """The end of every log."""
        logs = (self.mount_log, self.engine.folder / "log", self.store.folder / "log")
        return "\n".join(f"--- {log}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def problems(self, ledger: Ledger) -> list[str]:
        """What is lost or contradicts itself, seen by a client of its own, without any cache."""
        options = VolumeOptions(cache=CacheOptions(), session=False)
        with Volume.open(self.engine.url, options) as volume:
            found = ledger.compare(Tree(volume.meta, volume.files), FOLDER)
        done = self.run("fsck", self.engine.url)
        if done.returncode:
            found.append(f"fsck: {done.stdout}{done.stderr}")
        return found + [f"read wrong bytes: {name}" for name in ledger.wrong]


def rounds() -> int:
    """How many: MEGANEURA_KILL_ROUNDS, else each kind of process once."""
    return int(os.environ.get("MEGANEURA_KILL_ROUNDS", "4"))


def away_s() -> float:
    """How long a process stays away, at most: MEGANEURA_KILL_AWAY_S, else a second."""
    return float(os.environ.get("MEGANEURA_KILL_AWAY_S", "1"))
