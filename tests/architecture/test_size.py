"""Modules and functions stay small enough to be read in one go."""

from __future__ import annotations

from statistics import median

from tests.architecture.sources import ALL, PRODUCT, functions, modules, name_of

MEDIAN_LINES = 150
SOFT_LINES = 400
HARD_LINES = 600
FUNCTION_LINES = 60

# Modules of more than SOFT_LINES lines, and why they are better left whole.
LONGER: dict[str, str] = {
    "dfdaemon/task/machine.py": "one table of states and one handler per event, read as a whole",
    "dfdaemon/task/conductor.py": "the only shell of a download: what happens between two awaits is"
    " one step, and must be seen in one place",
}


def _lines(folders: tuple[str, ...]) -> dict[str, int]:
    return {name_of(path): len(path.read_text().splitlines()) for path in modules(*folders)}


def test_no_module_is_longer_than_the_hard_cap() -> None:
    assert not {name: count for name, count in _lines(ALL).items() if count > HARD_LINES}


def test_modules_longer_than_the_soft_cap_have_a_reason() -> None:
    longer = {name: count for name, count in _lines(PRODUCT).items() if count > SOFT_LINES}
    assert not {name: count for name, count in longer.items() if name not in LONGER}
    assert set(LONGER) == set(longer), "a module that has become short enough needs no exception"


def test_most_modules_are_short() -> None:
    assert median(_lines(PRODUCT).values()) <= MEDIAN_LINES


def test_no_function_is_longer_than_the_cap() -> None:
    longer = [
        f"{name_of(path)}:{node.name} has {count} lines"
        for path in modules(*ALL)
        for node in functions(path)
        if (count := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not longer
