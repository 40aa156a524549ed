"""What can be asked of a mount's process: each operation is a generator of progress with a result.

Arguments and results are JSON. Paths are relative to the mount's root. The caller's rights count.
"""

from __future__ import annotations

import errno
import itertools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from typing import Any

from dfcore.errors import BadInput
from dffs.control.reports import describe, held_bytes, summarize
from dffs.control.timing import latency_ms
from dffs.control.warm import Warmer
from dffs.meta.types import FileKind, TreeTotals
from dffs.tree import Tree
from dffs.volume import Volume
from dfinfra import profile

MAX_SAMPLE_S = 120.0
Json = dict[str, Any]
Progress = Generator[Json, None, Json]


class Operations:
    """The operations on one open volume for one caller."""

    def __init__(self, volume: Volume, tree: Tree) -> None:
        self._volume = volume
        self._tree = tree
        self._table: dict[str, Callable[..., Progress]] = {
            "info": self.info,
            "summary": self.summary,
            "clone": self.clone,
            "rmr": self.rmr,
            "warmup": self.warmup,
            "latency": self.latency,
            "cached": self.cached,
            "stacks": self.stacks,
            "sample": self.sample,
        }

    def run(self, name: str, arguments: Json) -> Progress:
        """Begin an operation. Raises BadInput for one that is not known or has other arguments."""
        found = self._table.get(name)
        if found is None:
            raise BadInput(f"operation {name!r} is not known to this mount: update it")
        try:
            return found(**arguments)
        except TypeError as error:
            raise BadInput(f"operation {name!r}: {error}") from error

    def info(self, *, path: str, recursive: bool = False, blocks: bool = False) -> Progress:
        """What there is to say of a file or directory."""
        yield {}
        attr = self._tree.stat(path, follow=False)
        told = describe(self._volume, attr, with_blocks=blocks)
        if recursive and attr.kind is FileKind.DIRECTORY:
            self._volume.meta.access(self._tree.caller, attr.ino, os.R_OK)
            told["totals"] = _totals(self._volume.meta.totals(attr.ino))
        return told

    def summary(self, *, path: str, depth: int = 2, entries: int = 10) -> Progress:
        """The largest entries of a tree, some levels deep."""
        yield {}
        self._volume.meta.access(self._tree.caller, self._tree.stat(path).ino, os.R_OK)
        return summarize(self._tree, path, depth=depth, entries=entries)

    def clone(
        self, *, source: str, target: str, preserve: bool = False, immutable: bool = False
    ) -> Progress:
        """Copy by rows."""
        yield {}
        attr = self._tree.clone(source, target, preserve=preserve, immutable=immutable)
        return {"ino": attr.ino}

    def rmr(self, *, path: str, skip_trash: bool = False, immutable: bool = False) -> Progress:
        """Remove a tree; with `immutable` also a snapshot, which is made mutable for that."""
        yield {}
        if immutable:
            ino = self._tree.stat(path, follow=False).ino
            self._volume.meta.set_flags(self._tree.caller, ino, 0, recursive=True)
        return {"removed": self._tree.remove(path, recursive=True, skip_trash=skip_trash)}

    def warmup(
        self,
        *,
        paths: list[str],
        threads: int = 8,
        action: str = "fetch",
        background: bool = False,
    ) -> Progress:
        """Fetch, check or evict what is below some paths; in the background, tell at once."""
        warmer = Warmer(self._volume, self._tree, threads)
        if background:
            for path in paths:
                self._tree.stat(path)
            name = "warmup in background"
            threading.Thread(target=warmer.run_alone, args=(paths,), name=name, daemon=True).start()
            return warmer.outcome.as_json()
        yield from warmer.run(paths, action)
        return warmer.outcome.as_json()

    def latency(self) -> Progress:
        """How long engine and object store take to answer, in ms."""
        yield {}
        name = f"{self._volume.format.name}/meganeura.json"
        return {
            "engine_ms": latency_ms(lambda: self._volume.meta.getattr(self._tree.root)),
            "object_ms": latency_ms(lambda: self._volume.blocks.store.head(name)),
        }

    def cached(self, *, path: str, limit: int = 200) -> Progress:
        """How much of each file at or below a path is on this node, the first ones."""
        yield {}
        told = []
        for name in itertools.islice(files_below(self._tree, path), limit):
            attr = self._tree.stat(name)
            held = held_bytes(self._volume, attr)
            told.append({"path": name, "size_bytes": attr.size_bytes, "cached_bytes": held})
        return {"files": told}

    def sample(self, *, seconds: float = 5.0) -> Progress:
        """Collapsed stacks of all threads over some seconds."""
        yield {}
        self._owner_only()
        return {"stacks": profile.sample_stacks(min(seconds, MAX_SAMPLE_S))}

    def stacks(self) -> Progress:
        """What every thread of the process does."""
        yield {}
        self._owner_only()
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        return {
            "stacks": {
                f"{names.get(ident, '?')} {ident}": traceback.format_stack(frame)
                for ident, frame in sys._current_frames().items()
            }
        }

    def _owner_only(self) -> None:
        """How the process works inside is its owner's business."""
        if self._tree.caller.uid not in (0, os.geteuid()):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def _totals(totals: TreeTotals) -> Json:
    return {
        "files": totals.files,
        "directories": totals.directories,
        "size_bytes": totals.size_bytes,
        "blocks": totals.blocks,
    }


def result_of(progress: Progress, on_progress: Callable[[Json], None]) -> Json:
    """Carry an operation out, telling of its progress."""
    while True:
        try:
            step = next(progress)
        except StopIteration as end:
            result: Json = end.value
            return result
        if step:
            on_progress(step)


def files_below(tree: Tree, path: str) -> Iterator[str]:
    """Every file at or below a path."""
    if tree.stat(path).kind is not FileKind.DIRECTORY:
        yield path
        return
    for name, attr in tree.walk(path):
        if attr.kind is FileKind.FILE:
            yield f"{path}/{name}"
