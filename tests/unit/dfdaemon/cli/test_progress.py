"""Bars on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from dfdaemon.cli.progress import Bars, NoProgress, display


def shown(files: int) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)
    with Bars(console, files=files, total_bytes=10 * files) as bars:
        for number in range(files):
            bar = bars.file(f"folder/[{number}].bin", None)
            bar.sized(10)
            bar.at(10)
            bar.at(0)
            bar.at(10)
            bar.done()
    return out.getvalue()


def test_one_file_has_its_bar() -> None:
    assert "folder/[0].bin" in shown(1)
    assert "10/10 bytes" in shown(1)


def test_several_files_have_one_for_all() -> None:
    assert "3 of 3 files" in shown(3)
    assert "30/30 bytes" in shown(3)


def test_nothing_is_shown_where_nobody_looks() -> None:
    assert isinstance(display(wanted=True, files=1, total_bytes=None), NoProgress)
