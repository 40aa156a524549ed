"""What is shipped: the product, all of it, typed, and nothing else."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase

from tests.architecture.sources import PRODUCT, ROOT


def test_the_wheel_holds_the_product_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    shipped = {name for name in packages if any(fnmatchcase(name, pattern) for pattern in wanted)}
    assert shipped == set(PRODUCT)
    assert {"demo", "tests"} <= packages


def test_every_package_is_marked_as_typed() -> None:
    assert not [package for package in PRODUCT if not (ROOT / package / "py.typed").exists()]


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for name in PRODUCT for path in (ROOT / name).rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]
