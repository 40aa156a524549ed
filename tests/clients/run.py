"""Runs the real huggingface_hub, of a chosen version, in a process with a clean environment.

    result = run_client("0.36.2", 'print(hf_hub_download("org/tiny", "config.json"))',
                        endpoint=url, home=tmp_path)

Only what a test passes reaches the client: no HF_*, proxy or CA variable of the caller.
`tests/clients/install` must have run; `missing()` tells whether it has.
"""

from __future__ import annotations

import asyncio
import configparser
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients import packages

PREAMBLE = "from huggingface_hub import hf_hub_download, snapshot_download\n"
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Result:
    """How a client ended; `out` and `err` are its text."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.code == 0

    @property
    def last_line(self) -> str:
        """Last line printed: the path, when a download was printed."""
        lines = self.out.strip().splitlines()
        return lines[-1] if lines else ""

    def path(self) -> Path:
        """The printed path of a download that must have gone well."""
        assert self.ok, self.err[-4000:]
        return Path(self.last_line)


def missing() -> bool:
    """Whether the clients are not installed (tests marked `clients` then fail or skip)."""
    wanted = [packages.hub_folder(version) for version in packages.HUB_VERSIONS]
    return not all((folder / ".installed").exists() for folder in wanted)


def environment(
    version: str,
    *,
    home: Path,
    endpoint: str | None = None,
    xet: str | None = None,
    extras: Sequence[str] = (),
    token: str | None = None,
    proxy: str | None = None,
    ca_file: Path | str | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Environment of a client of huggingface_hub `version` that keeps everything in `home`.

    `xet` is the hf_xet version to have installed (None: not installed); `extras` are folders
    of packages.EXTRAS that go first; `token` logs in; `proxy` is for http and https alike;
    `ca_file` is the only CA that any stack trusts; `env` is added last.
    """
    folders = [packages.extra_folder(name) for name in extras]
    folders.append(packages.hub_folder(version))
    if xet is not None:
        folders.append(packages.xet_folder(xet))
    made = {
        "PATH": f"{packages.HOME / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_XET_TELEMETRY_ENABLED": "0",
    }
    if endpoint is not None:
        made["HF_ENDPOINT"] = endpoint
    if token is not None:
        made |= dict.fromkeys(("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), token)
    if proxy is not None:
        made |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
    if ca_file is not None:
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
        made |= dict.fromkeys(names, str(ca_file))
    return made | dict(env or {})


def run_client(
    version: str, code: str, *, home: Path, timeout_s: float = TIMEOUT_S, **options: object
) -> Result:
    """Run Python `code` (hf_hub_download and snapshot_download are imported) and wait.

    Options are those of `environment`.
    """
    home.mkdir(parents=True, exist_ok=True)
    env = environment(version, home=home, **options)  # type: ignore[arg-type]
    return _run([str(packages.PYTHON), "-c", PREAMBLE + code], home, env, timeout_s)


def run_cli(
    version: str,
    *arguments: str,
    home: Path,
    timeout_s: float = TIMEOUT_S,
    **options: object,
) -> Result:
    """Run the command line tool of `version` (`hf`, or `huggingface-cli` when older)."""
    home.mkdir(parents=True, exist_ok=True)
    env = environment(version, home=home, **options)  # type: ignore[arg-type]
    module, _, function = _entry_point(version).partition(":")
    code = f"import sys; sys.argv[0] = 'hf'; from {module} import {function} as m; sys.exit(m())"
    return _run([str(packages.PYTHON), "-c", code, *arguments], home, env, timeout_s)


async def client(version: str, code: str, *, home: Path, **options: object) -> Result:
    """`run_client` for a test whose event loop serves the client meanwhile."""
    return await asyncio.to_thread(run_client, version, code, home=home, **options)  # type: ignore[arg-type]


async def cli(version: str, *arguments: str, home: Path, **options: object) -> Result:
    """`run_cli` for a test whose event loop serves the client meanwhile."""
    return await asyncio.to_thread(run_cli, version, *arguments, home=home, **options)  # type: ignore[arg-type]


def start_client(
    version: str, code: str, *, home: Path, **options: object
) -> subprocess.Popen[str]:
    """Start Python `code` and return the process: for tests that kill or race clients."""
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [str(packages.PYTHON), "-c", PREAMBLE + code],
        cwd=home,
        env=environment(version, home=home, **options),  # type: ignore[arg-type]
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _entry_point(version: str) -> str:
    info = next(packages.hub_folder(version).glob("huggingface_hub-*.dist-info"))
    parser = configparser.ConfigParser()
    parser.read(info / "entry_points.txt")
    scripts = parser["console_scripts"]
    return scripts.get("hf") or scripts["huggingface-cli"]


def _run(command: list[str], home: Path, env: dict[str, str], timeout_s: float) -> Result:
    done = subprocess.run(
        command,
        cwd=home,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
