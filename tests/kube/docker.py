"""A docker daemon in a network namespace, with a base image of Debian's packages; no registry."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.kube.namespace import Namespace, end

CACHE = Path(os.environ.get("MEGANEURA_KUBE", Path.home() / ".cache" / "meganeura-kube"))
BASE = "meganeura-base:bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = "python3,ca-certificates"
START_S = 60.0


class Docker:
    """Up when entered; down, with its containers, images and bridge, when left."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self._folder = folder
        self._host = f"unix://{folder / 'docker.sock'}"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "daemon.json"
        settings.write_text(
            json.dumps(
                {
                    "data-root": str(self._folder / "data"),
                    "exec-root": str(self._folder / "exec"),
                    "pidfile": str(self._folder / "pid"),
                    "hosts": [self._host],
                    "storage-driver": "overlay2",
                    "bip": "172.31.250.1/24",
                }
            )
        )
        self._daemon = self.namespace.start(
            ["dockerd", "--config-file", settings], self._folder / "dockerd.log"
        )
        deadline = time.monotonic() + START_S
        while subprocess.run(self._words("version"), capture_output=True, check=False).returncode:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "dockerd.log").read_text()[-2000:])
            time.sleep(0.2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(subprocess.CalledProcessError):
            left = self("ps", "--all", "--quiet").split()
            if left:
                self("rm", "--force", "--volumes", *left)
        end(self._daemon)
        for mount in self._mounts():
            subprocess.run(["umount", "--lazy", mount], check=False)
        subprocess.run(["rm", "-rf", str(self._folder)], check=False)
        for group in Path("/sys/fs/cgroup").glob("*/docker"):
            with suppress(OSError):
                group.rmdir()

    def __call__(self, *words: str, **options: Any) -> str:
        """Run the docker client; its output. Raises CalledProcessError."""
        options.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run(self._words(*words), check=True, text=True, **options)
        return (done.stdout or "").strip()

    @property
    def environment(self) -> dict[str, str]:
        """For scripts that call docker themselves."""
        return {"DOCKER_HOST": self._host, "DOCKER_BUILDKIT": "0"}

    def make_base(self, name: str = BASE, packages: str = PACKAGES) -> str:
        """A base image of Debian's packages; its archive is kept for the next time."""
        archive = CACHE / f"{name.replace(':', '-')}.tar"
        if not archive.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            new = archive.with_suffix(f".{os.getpid()}.tar")
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}"]
            subprocess.run([*command, "bookworm", str(new), *_mirror()], check=True)
            new.replace(archive)
        self("import", "-c", f"ENV PATH={PATH}", str(archive), name)
        return name

    def _words(self, *words: str) -> list[str]:
        return ["docker", "--host", self._host, *words]

    def _mounts(self) -> list[str]:
        lines = Path("/proc/self/mounts").read_text().splitlines()
        mounts = [line.split()[1] for line in lines]
        return [mount for mount in reversed(mounts) if mount.startswith(str(self._folder))]


def _mirror() -> list[str]:
    """The mirror that the machine itself installs from."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    found = re.search(r"(?m)^URIs: *(\S+)", sources.read_text()) if sources.exists() else None
    return [found[1]] if found else []
