"""Who may import whom: layers, purity of the core, no cycles, no stranger under one of our names."""

from __future__ import annotations

import graphlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.architecture.sources import PRODUCT, ROOT, imported, modules, name_of

IMPURE = {
    "aiofiles", "aiohttp", "asyncio", "concurrent", "grpc", "http", "io", "logging", "multiprocessing",
    "os", "pathlib", "secrets", "select", "selectors", "shutil", "signal", "socket", "ssl", "structlog",
    "subprocess", "sys", "tempfile", "threading", "time", "uvloop", "yaml",
}  # fmt: skip


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph = grimp.build_graph(*PRODUCT, exclude_type_checking_imports=True, cache_dir=None)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"import cycle: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("path", modules("dfcore"), ids=name_of)
def test_the_core_touches_nothing(path: Path) -> None:
    foreign = imported(path) & IMPURE
    assert not foreign, f"{name_of(path)} imports {sorted(foreign)}"


@pytest.mark.parametrize("path", modules("dfcore"), ids=name_of)
def test_the_core_needs_the_standard_library_and_xxhash_only(path: Path) -> None:
    # typing_extensions stands under TYPE_CHECKING only: names of Python 3.12 for the type checker.
    allowed = set(sys.stdlib_module_names) | {"dfcore", "xxhash", "typing_extensions"}
    assert imported(path) <= allowed


@pytest.mark.parametrize("package", PRODUCT)
def test_a_package_of_ours_is_found_in_this_tree(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    assert Path(spec.origin).resolve() == ROOT / package / "__init__.py"


@pytest.mark.parametrize("package", PRODUCT)
def test_the_product_imports_neither_tests_nor_demo(package: str) -> None:
    wrong = [name_of(p) for p in modules(package) if imported(p) & {"tests", "demo", "proto"}]
    assert not wrong
