"""What the subcommands share: a folder that goes away, and the option for the figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from bench import report

json_option = click.option("--json", "json_file", type=click.Path(path_type=Path))


def measured(
    title: str, json_file: Path | None, work: Callable[[Path], report.Figures]
) -> report.Figures:
    """Run ``work`` in a folder of its own and show its figures."""
    with tempfile.TemporaryDirectory(prefix="meganeura-bench-") as folder:
        figures = work(Path(folder))
    report.show(title, figures, json_file)
    return figures
