"""``proto/`` holds sources only, and what is generated from them is what is committed.

A ``.py`` file there would make ``proto`` a package that hides the one of PyPI's proto-plus.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT


def test_proto_holds_no_python() -> None:
    assert not [*(ROOT / "proto").rglob("*.py"), *(ROOT / "proto").rglob("*.pyi")]


def test_generated_code_is_up_to_date(tmp_path: Path) -> None:
    command = [str(ROOT / "proto" / "generate"), str(tmp_path)]
    subprocess.run(command, env=os.environ | {"PYTHON": sys.executable}, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "dfinfra" / "pb").iterdir()}
    kept = {path.name: path.read_text() for path in (ROOT / "dfinfra" / "pb").glob("*_pb2*")}
    assert made == kept, "run `make proto`"
