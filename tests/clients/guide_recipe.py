"""The Dragonfly + Hugging Face guide's script, run as a reader of the guide would.

guide/hf_hub_download_dragonfly.py.txt is the guide's own text and stays as it is. Its proxy's port
is fixed there; a test whose proxy listens elsewhere gets a copy that differs in the port alone.
"""

from __future__ import annotations

from pathlib import Path

from tests.clients.run import Result, run_client

SCRIPT = Path(__file__).with_name("guide") / "hf_hub_download_dragonfly.py.txt"
# The guide's values for the Helm chart; `dfdaemon.config` is a node's configuration.
CHART_VALUES = SCRIPT.with_name("charts-config.yaml")
GUIDE_PORT = 65001
HUB_VERSIONS = ("0.17.3", "0.23.5")
REQUESTS = "requests-2.31.0"

# What the script downloads, and the CDN whose name it knows.
REPO, FILE = "tiiuae/falcon-rw-1b", "pytorch_model.bin"
CDN = "https://cdn-lfs.huggingface.co"


def script(port: int = GUIDE_PORT) -> str:
    """Text of the script for a proxy at 127.0.0.1:`port`."""
    return SCRIPT.read_text().replace(f"127.0.0.1:{GUIDE_PORT}", f"127.0.0.1:{port}")


def downloaded(home: Path) -> Path:
    """Where the script's file lies afterwards."""
    cache = home / "hf" / "hub" / f"models--{REPO.replace('/', '--')}"
    return next(cache.glob(f"snapshots/*/{FILE}"))


def run_guide(
    version: str, *, home: Path, endpoint: str, port: int = GUIDE_PORT, **options: object
) -> Result:
    """Run it with huggingface_hub `version` and the requests of the guide's time."""
    code = script(port)
    return run_client(version, code, home=home, endpoint=endpoint, extras=(REQUESTS,), **options)
