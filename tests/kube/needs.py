"""Gets what the long tests need of this machine: Debian's packages, the real Hub clients."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping

from tests.architecture.sources import ROOT


def programs(wanted: Mapping[str, str], further: Iterable[str] = ()) -> None:
    """Install the packages of programs that are not there; none of their services is started.

    ``wanted``: program and package; ``further``: packages that are lacking anyhow. Needs root.
    """
    lacking = {package for name, package in wanted.items() if shutil.which(name) is None}
    lacking.update(further)
    if not lacking:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600"]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *sorted(lacking)]):
        subprocess.run([*apt, *words], env=environment, check=True, stdout=subprocess.DEVNULL)


def clients() -> None:
    """Install the versions of huggingface_hub that the tests run; quick when they are there."""
    subprocess.run([sys.executable, ROOT / "tests" / "clients" / "install"], check=True)
