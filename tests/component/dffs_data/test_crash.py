"""kill -9 while writing: every acknowledged byte is there, each file is old or new, metadata whole."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dffs.meta.types import ROOT_CALLER, ROOT_INO
from dffs.tree import Tree
from dffs.volume import Volume
from tests.component.dffs_data.conftest import options

ROUNDS = int(os.environ.get("MEGANEURA_CRASH_ROUNDS", "3"))


def crash(meta_url: str, cache: Path, seed: int, after_s: float, *how: str) -> list[str]:
    """Let a writer run for a while and kill it; what it said."""
    command = [sys.executable, "-m", "tests.component.dffs_data.crashing"]
    with subprocess.Popen(
        [*command, meta_url, str(cache), str(seed), *how], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        try:
            assert writer.stdout.readline() == "ready\n"
            time.sleep(after_s)
        finally:
            writer.kill()
        said = writer.stdout.read().splitlines()
    return [line for line in said if line.count(" ") >= 1]


@pytest.mark.parametrize("how", ["", "writeback"])
def test_no_acknowledged_byte_is_lost(meta_url: str, tmp_path: Path, how: str) -> None:
    chance = random.Random(7)
    acknowledged: dict[str, str] = {}
    for number in range(ROUNDS):
        begun: dict[str, str] = {}
        said = crash(meta_url, tmp_path / "cache", number, chance.uniform(0.05, 0.5), how)
        for line in said:
            word, name, *digest = line.split()
            if word == "begin" and digest:
                begun[name] = digest[0]
            elif word == "done":
                acknowledged[name] = begun.pop(name)
        with Volume.open(meta_url, options(tmp_path, writeback=bool(how))) as volume:
            tree = Tree(volume.meta, volume.files)
            for name, expected in acknowledged.items():
                with tree.open_read(name) as reader:
                    found = hashlib.sha256(reader.read()).hexdigest()
                assert found in (expected, begun.get(name)), f"{name} in round {number}"
                acknowledged[name] = found
            assert not [p for p in volume.meta.check() if p.kind != "unreferenced block"]
            for entry in volume.meta.readdir(ROOT_CALLER, ROOT_INO, with_attr=True):
                assert entry.attr is not None
                for block in volume.meta.blocks(entry.ino, 0, 16):
                    assert block.is_hole or volume.blocks.exists(block.digest)
    assert acknowledged
