"""One ``dffs mount`` for each volume that pods of this node use. Blocking; its caller locks.

The mount is a process of its own, which outlives the driver. What a share needs to be mounted again is
kept beside it, readable by root alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from dfcore.errors import NotFound
from dfkube.csi import mounttable
from dfkube.csi.commands import VOLUME, CommandFailed, dffs, run


def name_of(url: str) -> str:
    """The name of the share of the volume at ``url``; it tells nothing of the URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:24]


class Shares:
    """Mounts below ``folder``. ``flags`` are further ones of ``dffs mount``."""

    def __init__(self, folder: Path, flags: Sequence[str], timeout_s: float) -> None:
        self._folder = folder
        self._flags = list(flags)
        self._timeout_s = timeout_s

    def use(self, name: str, url: str, passphrase: str) -> None:
        """Mount the volume at ``url`` as the share ``name``, if it is not."""
        self._keep(name, url, passphrase)
        self.revive(name)

    def path(self, name: str, folder: str = "") -> Path:
        """A folder of a share. Raises NotFound if it is not there, or leads out of it."""
        root = self._root(name)
        found = (root / folder).resolve()
        if not found.is_relative_to(root) or not found.is_dir():
            raise NotFound(f"the volume has no folder {folder!r}")
        return found

    def revive(self, name: str) -> bool:
        """Mount the share if it is not mounted, or its process has died; True if that was so."""
        root = self._root(name)
        if mounttable.layers(root) and mounttable.answers(root):
            return False
        self._unmount(name)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = json.loads(self._secret(name).read_text())
        log = self._folder / "log" / name / "core.log"
        arguments = ["mount", VOLUME, str(root), "--background", "--log", str(log)]
        dffs(
            [*arguments, *self._flags],
            secret["url"],
            secret["passphrase"],
            timeout_s=self._timeout_s,
        )
        return True

    def release(self, name: str) -> None:
        """Unmount it: no pod of this node uses the volume any more."""
        self._unmount(name)
        self._secret(name).unlink(missing_ok=True)

    def _unmount(self, name: str) -> None:
        root = self._root(name)
        for _ in range(mounttable.layers(root)):
            try:
                if not mounttable.answers(root):
                    raise CommandFailed("it has lost its server")
                run(["umount", str(root)], timeout_s=self._timeout_s)
            except CommandFailed:
                run(["umount", "--lazy", str(root)], timeout_s=self._timeout_s)
        if root.exists():
            root.rmdir()

    def _keep(self, name: str, url: str, passphrase: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({"url": url, "passphrase": passphrase})
        new = self._folder / f".{name}.new"
        with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        new.replace(self._secret(name))

    def _root(self, name: str) -> Path:
        return self._folder.resolve() / name

    def _secret(self, name: str) -> Path:
        return self._folder / f"{name}.secret"
