"""What the load was promised, and what a volume must therefore hold."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dffs.tree import Tree
from tests.component.dffs_kill.load import GONE, digest

PATIENCE_S = 90.0


class Ledger:
    """A load's process, and every name's contents that are allowed now."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.component.dffs_kill.load", str(folder), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._news = threading.Condition()
        self.allowed: dict[str, set[str]] = {}
        self._begun: dict[str, str] = {}
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.acknowledged = 0
        self._pauses = 0
        self._ended = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._hear(line.split())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _hear(self, words: list[str]) -> None:
        match words:
            case ["begin", name, content]:
                self.allowed.setdefault(name, {GONE}).add(content)
                self._begun[name] = content
            case ["done", name]:
                self.allowed[name] = {self._begun[name]}
                self.acknowledged += 1
            case ["failed", _, number]:
                self.errors[f"write {number}"] += 1
            case ["read", number]:
                self.errors[f"read {number}"] += 1
            case ["wrong", *what]:
                self.wrong.append(" ".join(what))
            case ["paused"]:
                self._pauses += 1

    def go(self) -> None:
        """Let it work."""
        self._tell("go")

    def pause(self) -> None:
        """Returns when every program has come to the end of what it did."""
        before = self._pauses
        self._tell("pause")
        self._until(lambda: self._pauses > before, "the load pauses")

    def wait_acknowledged(self, more: int) -> None:
        """Returns when so many changes more have succeeded."""
        enough = self.acknowledged + more
        self._until(lambda: self.acknowledged >= enough, "changes succeed")

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        with self._news:
            self._news.wait_for(lambda: self._ended or happened(), PATIENCE_S)
            assert happened(), f"{what}: not within {PATIENCE_S:g} s; errors: {dict(self.errors)}"

    def compare(self, tree: Tree, folder: str) -> list[str]:
        """Names whose content is neither what was acknowledged last nor what was begun after it."""
        lost = []
        for name, allowed in self.allowed.items():
            try:
                with tree.open_read(f"{folder}/{name}") as reader:
                    found = digest(reader.read())
            except OSError as error:
                found = GONE if error.errno == errno.ENOENT else f"{type(error).__name__}: {error}"
            if found not in allowed:
                lost.append(f"{name}: {found[:80]}, not one of {sorted(allowed)}")
        return lost

    def close(self) -> None:
        """End the load."""
        self._process.kill()
        self._process.wait()
        self._listener.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
