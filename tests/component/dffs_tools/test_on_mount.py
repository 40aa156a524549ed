"""Commands on a mounted path, carried out by the mount's own process with the caller's rights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from dfcore.errors import NotFound
from dffs.cli.main import command as dffs
from dffs.control.places import locate
from dffs.fuse.mount import find_mount, umount
from dffs.load import parallel_load
from dffs.load.safetensors import load_file
from tests.component.dffs_fuse.mounted import needs_fuse

pytestmark = needs_fuse
KIB = 1024
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str]:
        code = dffs.main([str(word) for word in words], standalone_mode=False)
        return int(code or 0), capsys.readouterr().out

    return call


@pytest.fixture
def mounted(meta_url: str, tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "mnt"
    point.mkdir()
    words = ["mount", meta_url, str(point), "--cache-dir", str(tmp_path / "cache"), "--no-daemon"]
    words += ["--free-space-ratio", "0"]
    with (tmp_path / "mount.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dffs.cli.main", *words], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        while find_mount(point) is None or not (point / ".config").exists():
            assert process.poll() is None, (tmp_path / "mount.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield point
    finally:
        with suppress(OSError):
            umount(point)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            umount(point, lazy=True)
            process.kill()
            process.wait(10)


def test_warming_up_checking_and_evicting(mounted: Path, run: Run) -> None:
    content = os.urandom(300 * KIB)
    (mounted / "org").mkdir()
    (mounted / "org/a").write_bytes(content)
    (mounted / "org/empty").write_bytes(b"")
    (mounted / "link").symlink_to("org/a")
    assert json.loads(run("warmup", mounted, "--evict", "--json")[1])["evicted_bytes"] > 0
    told = json.loads(run("warmup", mounted, "--check", "--json")[1])
    assert (told["files"], told["size_bytes"], told["held_bytes"]) == (2, 300 * KIB, 0)
    code, text = run("warmup", mounted / "org", mounted / "link", "--json")
    told = json.loads(text)
    assert (code, told["fetched_bytes"]) == (0, 300 * KIB)
    assert "100.0 %" in run("warmup", mounted / "org", "--check")[1]
    assert (mounted / "org/a").read_bytes() == content
    with pytest.raises(OSError, match="No such file"):
        run("warmup", mounted / "none")


def test_warming_up_in_the_background(mounted: Path, run: Run) -> None:
    (mounted / "a").write_bytes(os.urandom(200 * KIB))
    run("warmup", mounted / "a", "--evict")
    assert run("warmup", "-b", mounted / "a") == (0, "")
    deadline = time.monotonic() + 90
    while "100.0 %" not in run("warmup", mounted / "a", "--check")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nodes_are_reached_by_ssh(
    mounted: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssh").write_text('#!/bin/sh\n[ "$3" = n2 ] && exit 3\nshift 3; echo "$@"\n')
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    code, text = run("warmup", "--node", "n1", "--node", "n2", "/mnt/it's", "-p", "3")
    assert code == 1
    assert text == "n1: dffs warmup -p 3 '/mnt/it'\"'\"'s'\n"


def test_info_of_a_mounted_path(mounted: Path, run: Run) -> None:
    (mounted / "d").mkdir()
    (mounted / "d/a").write_bytes(os.urandom(200 * KIB))
    (mounted / "link").symlink_to("d/a")
    told = json.loads(run("info", mounted / "d/a", "--raw")[1])
    assert (told["size_bytes"], told["cached_bytes"], told["blocks"]) == (200 * KIB, 200 * KIB, 4)
    assert len(told["objects"]) == 4
    assert json.loads(run("info", mounted / "link")[1])["target"] == "d/a"
    assert json.loads(run("info", mounted / "d", "--recursive")[1])["totals"]["files"] == 1


def test_clones_and_snapshots(mounted: Path, run: Run) -> None:
    (mounted / "m").mkdir()
    (mounted / "m/a").write_bytes(b"one")
    run("clone", mounted / "m", mounted / "copy")
    run("snapshot", mounted / "m", mounted / "revision")
    (mounted / "m/a").write_bytes(b"two")
    assert (mounted / "copy/a").read_bytes() == (mounted / "revision/a").read_bytes() == b"one"
    with pytest.raises(PermissionError):
        (mounted / "revision/a").write_bytes(b"three")
    assert run("rmr", mounted / "copy")[0] == 0
    time.sleep(1.1)  # the kernel may believe in names for a second
    assert not (mounted / "copy").exists()


def test_looking_at_a_mount(mounted: Path, run: Run, tmp_path: Path) -> None:
    (mounted / "a").write_bytes(os.urandom(200 * KIB))
    assert "fuse_write_total" in run("stats", mounted, "--raw")[1]
    assert len(run("stats", mounted, "--count", "2", "--interval", "0.1")[1].splitlines()) == 4
    _, text = run("doctor", mounted, "--json", "--pid", os.getpid(), "--seconds", "0.1")
    told = json.loads(text)
    assert told["facts"]["problems"] == []
    assert told["facts"]["files"][0]["size_bytes"] == 200 * KIB
    assert {one["subject"] for one in told["findings"]} >= {"metadata", "readahead", "swarm"}
    run("debug", mounted, "--out-dir", tmp_path / "out", "--stats-sec", 0, "--trace-sec", 0.2,
        "--profile-sec", 0.1)  # fmt: skip
    (archive,) = (tmp_path / "out").iterdir()
    with tarfile.open(archive) as tar:
        names = {Path(name).name for name in tar.getnames()}
        stacks = next(one for one in tar.getmembers() if one.name.endswith("stacks.txt"))
        assert stacks.size > 1000
    assert names >= {"config.json", "accesslog.txt", "doctor.txt", "stats-1.txt", "profile.txt"}


def test_an_operation_counts_in_a_profile(mounted: Path, run: Run, tmp_path: Path) -> None:
    with (mounted / ".accesslog").open("rb", buffering=0) as log:
        (mounted / "d").mkdir()
        lines, deadline = b"", time.monotonic() + 10
        while b"mkdir" not in lines and time.monotonic() < deadline:
            lines += log.read(65536)
    (tmp_path / "saved.log").write_bytes(lines)
    assert "mkdir" in run("profile", tmp_path / "saved.log", "--interval", "0")[1]


def test_another_user_has_no_more_rights_than_by_the_mount(mounted: Path) -> None:
    (mounted / "private").mkdir(mode=0o700)
    (mounted / "private/a").write_bytes(b"x")
    script = (
        "import os, json, socket\n"
        "from pathlib import Path\n"
        "from dffs.control.client import ask\n"
        "from dffs.control.places import MountedPath\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"mounted = MountedPath(Path({str(mounted)!r}), '', 0, '')\n"
        "for name, arguments in [\n"
        "    ('clone', {'source': 'private', 'target': 'stolen'}),\n"
        "    ('rmr', {'path': 'private'}),\n"
        "    ('warmup', {'paths': ['private/a']}),\n"
        "]:\n"
        "    try:\n"
        "        print(name, ask(mounted, name, arguments))\n"
        "    except OSError as error:\n"
        "        print(name, error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout.splitlines() == ["clone 13", "rmr 13", "warmup 13"], done.stderr


def test_loading_from_a_mount(mounted: Path) -> None:
    tensors = {"a": numpy.random.default_rng(1).random((300, 300)), "b": numpy.arange(9)}
    save_file(tensors, mounted / "m.safetensors")
    loaded = load_file(mounted / "m.safetensors")
    numpy.testing.assert_array_equal(loaded["a"], tensors["a"])
    whole = (mounted / "m.safetensors").read_bytes()
    assert bytes(parallel_load(mounted / "m.safetensors", direct=False).data) == whole


def test_a_path_elsewhere_is_on_no_mount(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not on a mount"):
        locate(tmp_path)
