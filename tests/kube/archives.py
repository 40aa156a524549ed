"""The images as archives: built by docker in a namespace, loaded into the nodes of a cluster."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tomllib
from pathlib import Path

from tests.architecture.sources import ROOT
from tests.kube.docker import BASE, Docker
from tests.kube.figures import tell
from tests.kube.namespace import Namespace

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
IMAGE = f"meganeura:{VERSION}"
DATABASES = "meganeura-databases:1"
PAUSE = Path(__file__).parent / "cluster" / "pause.c"


def build(docker: Docker) -> str:
    """Build the product's image as `make images` does, on a base of Debian's packages; its name."""
    environment = {**os.environ, **docker.environment, "BASE": docker.make_base()}
    command = [ROOT / "docker" / "build", IMAGE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])
    return IMAGE


def beside_base_mb(docker: Docker) -> float:
    """What the product's image adds to its base when it is unpacked, in MB."""
    sizes = docker("inspect", "--format={{.Size}}", IMAGE, BASE).split()
    return (int(sizes[0]) - int(sizes[1])) / 1e6


def make(folder: Path) -> list[Path]:
    """Archives of the product's image, of databases, and of what holds pods open."""
    folder.mkdir(parents=True, exist_ok=True)
    product, pause = folder / "meganeura.tar", folder / "pause.tar"
    databases = folder / "databases.tar"
    with Namespace("mgk-docker") as namespace, Docker(namespace, folder / "docker") as docker:
        docker("save", "--output", str(product), build(docker))
        tell("image, unpacked, beside its base", f"{beside_base_mb(docker):.0f} MB")
        base = docker.make_base("meganeura-databases-base:bookworm", "postgresql,redis-server")
        context = str(PAUSE.parent / "databases")
        words = ["build", "--quiet", f"--build-arg=BASE={base}", f"--tag={DATABASES}", context]
        docker(*words, env={**os.environ, **docker.environment})
        docker("save", "--output", str(databases), DATABASES)
        program = folder / "pause"
        subprocess.run(["gcc", "-static", "-O2", "-o", program, PAUSE], check=True)
        with tarfile.open(folder / "tree.tar", "w") as tree:
            tree.add(program, "pause")
        docker(
            "import", "-c", 'ENTRYPOINT ["/pause"]', str(folder / "tree.tar"), "localhost/pause:1"
        )
        docker("save", "--output", str(pause), "localhost/pause:1")
    return [product, databases, pause]
