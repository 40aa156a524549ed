"""olah, a mirror of the Hub in Python that a user may run today; in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.swarm.ports import free_port

VERSION = "0.5.4"
HOME = Path(__file__).resolve().parents[1] / ".cache" / f"olah-{VERSION}"


def install() -> Path:
    """Make its environment if it is not there; returns the command."""
    command = HOME / "bin" / "olah-cli"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        pip = [str(HOME / "bin" / "pip"), "install", "-q", f"olah=={VERSION}"]
        subprocess.run(pip, check=True)
    return command


class Olah:
    """Mirrors ``hub_url`` at ``url`` while the block runs."""

    def __init__(self, folder: Path, hub_url: str) -> None:
        self._folder = folder
        self._hub = hub_url
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        netloc, here = self._hub.removeprefix("http://"), f"127.0.0.1:{self._port}"
        command = [str(install()), "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--hf-scheme", "http", "--hf-netloc", netloc, "--hf-lfs-netloc", netloc]
        command += ["--mirror-scheme", "http", "--mirror-netloc", here, "--mirror-lfs-netloc", here]
        command += ["--repos-path", str(self._folder / "repos"), "--log-path", str(self._folder)]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        self._await()
        return self

    def _await(self) -> None:
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url, timeout=1).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"olah did not start: {(self._folder / 'log').read_text()[-2000:]}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # It would wait for clients that keep their connection; its cache is thrown away.
        self._process.kill()
        self._process.wait(10)
