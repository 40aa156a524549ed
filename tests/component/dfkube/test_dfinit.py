"""dfinit on the files of a node that lie in a folder: apply, apply again, undo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ORIGINAL = "version = 2\n# of the administrator\n"


def dfinit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dfkube.dfinit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def node(root: Path) -> Path:
    for folder in ("etc/containerd", "etc/docker"):
        (root / folder).mkdir(parents=True)
    (root / "etc/containerd/config.toml").write_text(ORIGINAL)
    return root


def tree(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_text() for path in files}


def test_undo_puts_back_what_was_there(tmp_path: Path) -> None:
    root = node(tmp_path)
    before = tree(root)
    first = dfinit("apply", "--registry", "ghcr.io", "--root", str(root))
    assert first.returncode == 0, first.stderr
    assert "takes effect after: systemctl restart containerd" in first.stdout
    assert (root / "etc/containerd/certs.d/ghcr.io/hosts.toml").exists()
    assert json.loads((root / "etc/docker/daemon.json").read_text())["registry-mirrors"]
    again = dfinit("apply", "--registry", "ghcr.io", "--root", str(root))
    assert again.stdout.count("is as wished") == 2
    assert dfinit("undo", "--root", str(root)).returncode == 0
    assert tree(root) == before


def test_what_others_changed_since_is_left_and_named(tmp_path: Path) -> None:
    root = node(tmp_path)
    dfinit("apply", "--runtime", "containerd", "--root", str(root))
    config = root / "etc/containerd/config.toml"
    config.write_text(config.read_text() + "# later\n")
    undone = dfinit("undo", "--root", str(root))
    assert undone.returncode == 1
    assert undone.stderr.strip() == (
        "/etc/containerd/config.toml: was changed by others since; it is left as it is"
    )
    assert config.read_text().endswith("# later\n")
    assert not (root / "etc/containerd/certs.d/docker.io").exists()


def test_mistakes_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    for arguments in (["--proxy", "nonsense"], []):
        done = dfinit("apply", *arguments, "--root", str(tmp_path))
        assert done.returncode == 2
        assert done.stderr.startswith("dfinit: ") and done.stderr.count("\n") == 1
