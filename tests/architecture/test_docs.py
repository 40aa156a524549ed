"""What the documents name exists: files, folders, symbols, make verbs, links.

A name is anything in backticks that starts with a folder of this repository: ``dfcore/ids.py`` or
``dfcore/ids.py:task_id_by_url`` or ``blobstore/store.py:BlobStore.create``.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ALL, ROOT, name_of, tree

DOCUMENTS = [
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
]
FOLDERS = (*ALL, "docs", "proto", ".ci", "bench")
NAMED = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)(?::([\w.]+))?`")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def _names(document: Path) -> list[tuple[str, str | None]]:
    return [(m[1], m[2]) for m in NAMED.finditer(document.read_text())]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_named_paths_and_symbols_exist(document: Path) -> None:
    wrong = []
    for name, symbol in _names(document):
        path = ROOT / name
        if not path.exists():
            wrong.append(name)
        elif symbol and not _defines(tree(path).body, symbol.split(".")):
            wrong.append(f"{name}:{symbol}")
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    links = [m[1] for m in LINK.finditer(document.read_text()) if "://" not in m[1]]
    assert not [link for link in links if not (document.parent / link).exists()]


def test_the_readme_names_verbs_that_the_makefile_has() -> None:
    makefile = (ROOT / "Makefile").read_text()
    fenced = re.findall(r"^make ([a-z]+)|`make ([a-z]+)", (ROOT / "README.md").read_text(), re.M)
    verbs = {first or second for first, second in fenced}
    assert verbs
    assert not [verb for verb in verbs if not re.search(rf"^{verb}:", makefile, re.M)]


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "journey.md"])
def test_the_tour_names_what_it_passes(document: str) -> None:
    assert len(_names(ROOT / "docs" / document)) >= 10


def _defines(body: list[ast.stmt], parts: list[str]) -> bool:
    for node in body:
        if parts[0] not in _targets(node):
            continue
        if len(parts) == 1:
            return True
        return isinstance(node, ast.ClassDef) and _defines(node.body, parts[1:])
    return False


def _targets(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return set()
