"""The Python files of this repository, read once for the tests of this folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (
    "dfcore",
    "dfinfra",
    "blobstore",
    "dfdaemon",
    "seedpeer",
    "scheduler",
    "dffs",
    "manager",
    "dfkube",
)
ALL = (*PRODUCT, "demo", "tests")


@cache
def modules(*folders: str) -> tuple[Path, ...]:
    """Every ``.py`` file below the folders, without the generated ones."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(path for path in found if "_pb2" not in path.name)


def name_of(path: Path) -> str:
    """The path as documents write it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(path: Path) -> set[str]:
    """The first part of every absolute import, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found
