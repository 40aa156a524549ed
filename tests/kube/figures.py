"""What the long tests measured, told in a table at their end: these are figures that documents quote."""

from __future__ import annotations

import pytest

_FIGURES: dict[str, str] = {}


def tell(what: str, figure: str) -> None:
    """Keep a figure for the end of the run, and print it now for who looks on."""
    _FIGURES[what] = figure
    print(f"{what}: {figure}")


def report(reporter: pytest.TerminalReporter) -> None:
    """Write all figures, if there are any. For the hook `pytest_terminal_summary`."""
    if _FIGURES:
        reporter.section("figures")
    width = max(map(len, _FIGURES), default=0)
    for what, figure in _FIGURES.items():
        reporter.write_line(f"{what:{width}}  {figure}")
    _FIGURES.clear()  # each folder of tests has the hook
