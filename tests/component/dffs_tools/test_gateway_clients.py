"""aws-cli and rclone upload, list, compare, download and delete models at the gateway."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dffs.tree import Tree
from tests.component.dffs_tools.conftest import ACCESS, SECRET, Gateway

MIB = 1 << 20
RCLONE = shutil.which("rclone") or str(Path(sys.executable).with_name("rclone"))


def _model(folder: Path) -> dict[str, bytes]:
    files = {
        "config.json": b'{"a": 1}',
        "sub/tokenizer é.json": os.urandom(100_000),
        "sub/empty": b"",
        "model.safetensors": os.urandom(12 * MIB + 5),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


def _read(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _run(*words: str, **environ: str) -> str:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    done = subprocess.run(
        words,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_aws_cli(gateway: Gateway, tree: Tree, tmp_path: Path) -> None:
    files = _model(tmp_path / "up")

    def aws(*words: str) -> str:
        return _run(
            sys.executable,
            "-m",
            "awscli",
            "--endpoint-url",
            gateway.url,
            *words,
            AWS_ACCESS_KEY_ID=ACCESS,
            AWS_SECRET_ACCESS_KEY=SECRET,
            AWS_DEFAULT_REGION="us-east-1",
            AWS_CONFIG_FILE="/nonexistent",
            AWS_SHARED_CREDENTIALS_FILE="/nonexistent",
        )

    aws("s3", "cp", "--recursive", "--quiet", f"{tmp_path}/up", "s3://models/org/m")
    with tree.open_read("org/m/model.safetensors") as file:
        assert file.read() == files["model.safetensors"]
    listed = aws("s3", "ls", "--recursive", "s3://models/org/")
    assert {line.split(maxsplit=3)[3] for line in listed.splitlines()} == {
        f"org/m/{name}" for name in files
    }
    aws("s3", "sync", "--quiet", "s3://models/org/m", f"{tmp_path}/down")
    assert _read(tmp_path / "down") == files
    aws("s3", "mv", "--quiet", "s3://models/org/m/config.json", "s3://models/moved.json")
    aws("s3", "rm", "--recursive", "--quiet", "s3://models/org")
    assert [entry.name for entry in tree.listdir("") if entry.name[:1] != b"."] == [b"moved.json"]


@pytest.fixture
def rclone(gateway: Gateway) -> object:
    def run(*words: str) -> str:
        return _run(
            RCLONE,
            "--config",
            "/nonexistent",
            *words,
            RCLONE_CONFIG_D_TYPE="s3",
            RCLONE_CONFIG_D_PROVIDER="Other",
            RCLONE_CONFIG_D_ENDPOINT=gateway.url,
            RCLONE_CONFIG_D_ACCESS_KEY_ID=ACCESS,
            RCLONE_CONFIG_D_SECRET_ACCESS_KEY=SECRET,
            RCLONE_CONFIG_D_CHUNK_SIZE="5Mi",
            RCLONE_CONFIG_D_UPLOAD_CUTOFF="5Mi",
        )

    return run


def test_rclone(rclone: object, tree: Tree, tmp_path: Path) -> None:
    assert callable(rclone)
    files = _model(tmp_path / "up")
    rclone("copy", f"{tmp_path}/up", "d:models/org/m")
    rclone("check", f"{tmp_path}/up", "d:models/org/m")
    rclone("check", "--download", f"{tmp_path}/up", "d:models/org/m")
    before = tree.stat("org/m/model.safetensors").mtime_ns
    rclone("sync", f"{tmp_path}/up", "d:models/org/m")
    assert tree.stat("org/m/model.safetensors").mtime_ns == before, "nothing was sent again"
    rclone("copy", "d:models/org/m", f"{tmp_path}/down")
    assert _read(tmp_path / "down") == files
    rclone("moveto", "d:models/org/m/config.json", "d:models/c/config.json")
    rclone("purge", "d:models/org")
    assert tree.find("org") is None
    assert tree.find("c/config.json") is not None
