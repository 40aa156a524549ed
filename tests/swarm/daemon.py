"""One daemon of a swarm as a child process: start, wait until ready, stop, kill, freeze, restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.swarm.guard import Guard

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.02


class DaemonError(RuntimeError):
    """A daemon did not come up, or ended when it should not; the text holds its last words."""


class Daemon:
    """A daemon with a folder: ``config.yaml``, ``output.txt``, ``log/core.log``, ``ready``.

    ``prefix`` is a command that becomes the daemon, such as one that enters a network namespace.
    """

    def __init__(
        self,
        name: str,
        module: str,
        folder: Path,
        config: Mapping[str, Any],
        guard: Guard,
        *,
        log_dir: Path | None = None,
        arguments: Sequence[str] = (),
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.module = module
        self.folder = folder
        self.config = dict(config)
        self.arguments = list(arguments)
        self.prefix = list(prefix)
        self.log_dir = log_dir or folder / "log"
        self._env = dict(env or {})
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process' number. It must have been started."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs (or before it ran), else the exit code."""
        return None if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_file(self) -> Path:
        """The structured log."""
        return self.log_dir / "core.log"

    @property
    def output_file(self) -> Path:
        """What went to stdout and stderr."""
        return self.folder / "output.txt"

    def log_text(self) -> str:
        """The structured log so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def output_text(self) -> str:
        """Stdout and stderr so far."""
        return self.output_file.read_text(errors="replace") if self.output_file.exists() else ""

    def start(self) -> None:
        """Start the process; does not wait until it is ready."""
        assert not self.running, f"{self.name} runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ready_file.unlink(missing_ok=True)
        config = self.folder / "config.yaml"
        config.write_text(yaml.safe_dump(self.config, sort_keys=False))
        command = [*self.prefix, sys.executable, "-m", self.module, "--config", str(config)]
        command += ["--ready-file", str(self._ready_file), "--log-dir", str(self.log_dir)]
        with self.output_file.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                cwd=REPOSITORY,
                env=os.environ | self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the owner, who stops the others in order.
                start_new_session=True,
            )
        self._guard.add(self._process.pid)

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the daemon says that all is up. Raises DaemonError."""
        deadline = time.monotonic() + timeout_s
        while not self._ready_file.exists():
            if not self.running:
                self._reap()
                raise DaemonError(f"{self.name} ended with {self.exit_code}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DaemonError(f"{self.name} is not ready after {timeout_s:g} s\n{self.tail()}")
            time.sleep(POLL_S)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it runs."""
        self.send(signal.SIGTERM)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
        """SIGTERM and wait; SIGKILL after the timeout. Returns the exit code."""
        self.ask_to_stop()
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
        """Wait for the end; SIGKILL after the timeout."""
        if self._process is None:
            return None
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._process.wait()
        self._reap()
        return self.exit_code

    def kill(self) -> None:
        """SIGKILL: what a crash or a power cut of the node looks like to others."""
        self.send(signal.SIGKILL)
        self.wait()

    def freeze(self) -> None:
        """SIGSTOP: the host is there and says nothing."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self.send(signal.SIGCONT)

    def restart(self) -> None:
        """Start again, with the same folder, and wait until it is ready."""
        self.start()
        self.wait_ready()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this very process, if it runs."""
        if self.running:
            assert self._process is not None
            self._process.send_signal(number)

    def tail(self, lines: int = 40) -> str:
        """The last words: output and log."""
        parts = []
        for path, text in (
            (self.output_file, self.output_text()),
            (self.log_file, self.log_text()),
        ):
            if text.strip():
                last = "\n".join(text.rstrip().splitlines()[-lines:])
                parts.append(f"--- {self.name}: {path}\n{last}")
        return "\n".join(parts)

    @property
    def _ready_file(self) -> Path:
        return self.folder / "ready"

    def _reap(self) -> None:
        assert self._process is not None
        self._guard.drop(self._process.pid)
