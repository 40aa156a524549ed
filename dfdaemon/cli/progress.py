"""How far a download is: bars on a terminal, nothing where nobody looks."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_SHOWN_NAME_LENGTH = 40


class FileProgress(Protocol):
    """One file's progress. Bytes may be taken back when a download starts over."""

    def sized(self, size_bytes: int) -> None: ...
    def at(self, offset: int) -> None: ...
    def done(self) -> None: ...


class NoProgress:
    """Shows nothing; stands for the display and for each of its files."""

    def file(self, name: str, size_bytes: int | None) -> FileProgress:
        return self

    def sized(self, size_bytes: int) -> None:
        return

    def at(self, offset: int) -> None:
        return

    def done(self) -> None:
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


class Bars:
    """A bar for each file under way, and one for all if there are several."""

    def __init__(self, console: Console, *, files: int, total_bytes: int | None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._files = files
        self._finished = 0
        self._all: TaskID | None = None
        if files > 1:
            self._all = self._progress.add_task(self._all_name(), total=total_bytes)

    def file(self, name: str, size_bytes: int | None) -> FileProgress:
        """Begin a file's bar."""
        return _FileBar(self, self._progress.add_task(_short(name), total=size_bytes))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def sized(self, task: TaskID, size_bytes: int) -> None:
        """The file's size is known."""
        self._progress.update(task, total=size_bytes)

    def move(self, task: TaskID, offset: int, step: int) -> None:
        """The file is at ``offset``, which is ``step`` bytes on."""
        self._progress.update(task, completed=offset)
        if self._all is not None:
            self._progress.advance(self._all, step)

    def finish(self, task: TaskID) -> None:
        """The file is in its place; its bar stays if it is the only one."""
        if self._all is None:
            return
        self._finished += 1
        self._progress.update(self._all, description=self._all_name())
        self._progress.remove_task(task)

    def _all_name(self) -> str:
        return f"{self._finished} of {self._files} files"


class _FileBar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task
        self._offset = 0

    def sized(self, size_bytes: int) -> None:
        self._bars.sized(self._task, size_bytes)

    def at(self, offset: int) -> None:
        self._bars.move(self._task, offset, offset - self._offset)
        self._offset = offset

    def done(self) -> None:
        self._bars.finish(self._task)


def _short(name: str) -> str:
    """The end of a long name, which tells files apart."""
    if len(name) <= _SHOWN_NAME_LENGTH:
        return name
    return "…" + name[-_SHOWN_NAME_LENGTH + 1 :]


Display = Bars | NoProgress


def display(*, wanted: bool, files: int, total_bytes: int | None) -> Display:
    """Bars on stderr if it is a terminal and they are wanted."""
    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        return NoProgress()
    return Bars(console, files=files, total_bytes=total_bytes)
