"""A model registry with something in it: real volumes, and versions that ``dfctl`` pushed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.component.manager_jobs.volumes import make_volume
from tests.console.content import Client
from tests.swarm.daemon import REPOSITORY

MODEL = "acme/speech"
SIZES = {"model.safetensors": 3_000_000, "tokenizer.json": 40_000, "config.json": 600}


class Registry:
    """The volumes ``frankfurt`` and ``virginia``, and a hand on REST and ``dfctl``."""

    def __init__(self, url: str, password: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.root = Client(url, password)
        for name in ("frankfurt", "virginia"):
            secret = make_volume(folder, name)
            self.root.send("PUT", f"/api/v1/volumes/{name}", {"meta_url_secret": secret})

    def push(self, tag: str, *more: str, note: str, weights: int = 1) -> str:
        """Push a version by ``dfctl``; what it said."""
        source = self.folder / "model"
        source.mkdir(exist_ok=True)
        for name, size in SIZES.items():
            seed = weights if name == "model.safetensors" else 0
            (source / name).write_bytes(bytes([65 + seed]) * size)
        tags = [word for name in more for word in ("--tag", name)]
        return self.dfctl(
            "push", str(source), f"{MODEL}:{tag}", "--volume", "frankfurt", "--note", note, *tags
        )

    def dfctl(self, *arguments: str) -> str:
        """``dfctl model …`` as root; what it said. Raises if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "dfdaemon.cli.dfctl", "model", *arguments],
            cwd=REPOSITORY,
            env=os.environ | {"DFCTL_MANAGER": self.url, "DFCTL_TOKEN": self.root.token},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr
