"""Programs that write to a mount and read from it, and say what was acknowledged.

``python -m tests.component.dffs_kill.load FOLDER SEED``. On stdin: "pause" and "go" by turns; the end of
stdin is the end. On stdout, a line each:

    begin NAME DIGEST    from now on NAME may hold this content ("-": it may be gone)
    done NAME            fsync, close, and whatever else the change took have returned
    failed NAME ERRNO    nobody knows
    read ERRNO           an error while reading what was acknowledged
    wrong NAME FOUND ... bytes other than those, never to be seen
    paused
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

WRITERS = 2
NAMES = 8
GONE = "-"
_SIZES = (10, 5_000, 70_000, 300_000, 700_000)
# Between tries while everything is down.
_BREATH_S = 0.05


class Load:
    """Writers with names of their own, and a reader of all."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.running = threading.Condition()
        self._paused = True
        self._busy = 0
        self._out = threading.Lock()
        #: What each name may hold: one digest when it is known. None while it is being changed:
        #: who reads then may see some of it.
        self.allowed: dict[str, frozenset[str] | None] = {}
        self._threads = [
            threading.Thread(target=self._repeat, args=(_Writer(self, seed, number).step,))
            for number in range(WRITERS)
        ]
        reader = _Reader(self, random.Random(seed - 1))
        self._threads.append(threading.Thread(target=self._repeat, args=(reader.step,)))
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def say(self, *words: object) -> None:
        """One line."""
        with self._out:
            print(*words, flush=True)

    def _repeat(self, step: Callable[[], None]) -> None:
        while True:
            with self.running:
                self.running.wait_for(lambda: not self._paused)
                self._busy += 1
            try:
                step()
            finally:
                with self.running:
                    self._busy -= 1
                    self.running.notify_all()

    def command(self, word: str) -> None:
        """Pause (returns when nobody works any more) or go on."""
        with self.running:
            self._paused = word == "pause"
            self.running.notify_all()
            if self._paused:
                self.running.wait_for(lambda: self._busy == 0)
                self.say("paused")


class _Writer:
    def __init__(self, load: Load, seed: int, number: int) -> None:
        self._load = load
        self._chance = random.Random(f"{seed}-{number}")
        self._number = number
        self._known: dict[str, bytes | None] = {}  # what we are sure of; None: no such file
        self._possible: dict[str, frozenset[str]] = {}

    def step(self) -> None:
        name = f"w{self._number}-{self._chance.randrange(NAMES)}"
        old = self._known.get(name)
        ways: list[Callable[[str, bytes, bytes], bytes | None]] = [self._replace]
        if old:
            ways += [self._append, self._overwrite, self._remove]
        way = self._chance.choice(ways)
        data = self._chance.randbytes(self._chance.choice(_SIZES))
        try:
            new = way(name, old or b"", data)
        except OSError as error:
            self._known.pop(name, None)
            self._load.allowed[name] = self._possible[name]
            self._load.say("failed", name, error.errno)
            time.sleep(_BREATH_S)
            return
        self._known[name] = new
        self._possible[name] = self._load.allowed[name] = frozenset((digest(new),))
        self._load.say("done", name)

    def _begin(self, name: str, new: bytes | None) -> None:
        self._load.allowed[name] = None
        self._possible[name] = self._possible.get(name, frozenset((GONE,))) | {digest(new)}
        self._load.say("begin", name, digest(new))

    def _replace(self, name: str, _old: bytes, data: bytes) -> bytes:
        path, new = self._load.folder / name, self._load.folder / f".new-{name}"
        self._begin(name, data)
        _write(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), data, 0)
        new.rename(path)
        return data

    def _append(self, name: str, old: bytes, data: bytes) -> bytes:
        self._begin(name, old + data)
        _write(os.open(self._load.folder / name, os.O_WRONLY), data, len(old))
        return old + data

    def _overwrite(self, name: str, old: bytes, data: bytes) -> bytes:
        offset = self._chance.randrange(len(old))
        new = old[:offset] + data + old[offset + len(data) :]
        self._begin(name, new)
        _write(os.open(self._load.folder / name, os.O_RDWR), data, offset)
        return new

    def _remove(self, name: str, _old: bytes, _data: bytes) -> None:
        self._begin(name, None)
        (self._load.folder / name).unlink()


def _write(fd: int, data: bytes, offset: int) -> None:
    """Write and close; with fsync or, for every other length, by close alone."""
    try:
        while data:
            done = os.pwrite(fd, data, offset)
            data, offset = data[done:], offset + done
        if offset % 2:
            os.fsync(fd)
    except BaseException:
        _close_anyhow(fd)
        raise
    os.close(fd)


def _close_anyhow(fd: int) -> None:
    with suppress(OSError):  # what is told is the first error
        os.close(fd)


class _Reader:
    def __init__(self, load: Load, chance: random.Random) -> None:
        self._load = load
        self._chance = chance

    def step(self) -> None:
        names = list(self._load.allowed)
        if not names:
            time.sleep(_BREATH_S)
            return
        name = self._chance.choice(names)
        before = self._load.allowed[name]
        try:
            found = digest(self._read(name))
        except OSError as error:
            self._load.say("read", error.errno)
            time.sleep(_BREATH_S)
            return
        after = self._load.allowed[name]
        if after is not None and before is after and found not in after:
            self._load.say("wrong", name, found, *after)

    def _read(self, name: str) -> bytes | None:
        # By way of the open folder: while nothing is mounted, no name is there.
        folder = os.open(self._load.folder, os.O_RDONLY)
        try:
            with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)


def digest(content: bytes | None) -> str:
    """How a content is called on stdout."""
    return GONE if content is None else hashlib.sha256(content).hexdigest()


def main(folder: str, seed: str) -> None:
    """Work until stdin ends."""
    load = Load(Path(folder), int(seed))
    for line in sys.stdin:
        load.command(line.strip())
    os._exit(0)  # threads may hang in a mount that is gone


if __name__ == "__main__":
    main(*sys.argv[1:])
