"""How fast a safetensors file becomes numpy arrays: from the mount, from memory."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy
from safetensors.numpy import load_file as reference_load
from safetensors.numpy import save_file

from bench.fs.mounts import Where, ours
from bench.fs.reading import Figures, read_s
from dffs.load.safetensors import load_file


def loading(folder: Path, where: Where, fast: Path, *, size_bytes: int, rounds: int) -> Figures:
    """Ratios of speeds; 1.0 is that of a file in memory (tmpfs)."""
    tensor = 16 << 20
    random = numpy.random.default_rng(1)
    tensors = {
        f"layer.{number}": random.integers(0, 255, tensor, dtype=numpy.uint8)
        for number in range(max(size_bytes // tensor, 1))
    }
    plain = fast / "model.safetensors"
    save_file(tensors, plain)
    tensors.clear()
    try:
        with ours(folder, where, cache=fast / "cache-loading") as mount:
            file = mount.point / "model.safetensors"
            shutil.copyfile(plain, file)
            read_s(file)
            read_s(file)
            return {
                "safetensors_ratio": _ratio(rounds, reference_load, file, plain),
                "parallel_load_ratio": _ratio(rounds, load_file, file, plain),
                "parallel_load_gb_s": plain.stat().st_size / _spent(load_file, file) / 1e9,
            }
    finally:
        plain.unlink()


def _ratio(rounds: int, load: Callable[[Path], object], file: Path, plain: Path) -> float:
    pairs = [(_spent(load, plain), _spent(load, file)) for _ in range(rounds)]
    return min(there for there, _ in pairs) / min(here for _, here in pairs)


def _spent(load: Callable[[Path], object], path: Path) -> float:
    began = time.perf_counter()
    held = load(path)
    spent = time.perf_counter() - began
    del held
    return spent
