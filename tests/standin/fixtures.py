"""Repositories to serve: small ones, generated weights of any size, files of a package.

Used by tests, the admin API and `make demo`. Generated weights are written once per folder
and found again by their name, so that a GiB is made and hashed once.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.standin.content import Content
from tests.standin.model import HubState, Repo, Source

READER_TOKEN = "hf_ReaderReaderReaderReaderReaderRe"
STRANGER_TOKEN = "hf_StrangerStrangerStrangerStrang"
BLOCK_BYTES = 1 << 20
SPARSE_STEP_BYTES = 1 << 20


def tiny(state: HubState, repo_id: str = "org/tiny", **options: Any) -> Repo:
    """A model of four files: text, an empty file, a nested one and 1 MiB of weights."""
    return state.create(repo_id, _tiny_files(repo_id), **options)


def tokens(state: HubState, *repo_ids: str) -> None:
    """Two users: the reader is granted `repo_ids`, the stranger nothing."""
    state.add_token(READER_TOKEN, "reader", repo_ids)
    state.add_token(STRANGER_TOKEN, "stranger")


def many_files(
    state: HubState, repo_id: str = "org/fifty", *, count: int = 50, weights: int = 5
) -> Repo:
    """A repository of `count` files, `weights` of them on LFS (64 KiB each)."""
    rng = random.Random(repo_id)
    files: dict[str, Source] = {"config.json": b'{"model_type": "bert"}'}
    for index in range(weights):
        name = f"model-{index + 1:05}-of-{weights:05}.safetensors"
        files[name] = rng.randbytes(64 << 10)
    for index in range(count - len(files)):
        files[f"parts/{index // 20:04}/{index:06}.txt"] = f"file {index} of {repo_id}\n".encode()
    return state.create(repo_id, files)


def directory(state: HubState, repo_id: str, folder: Path, **options: Any) -> Repo:
    """A repository with the files of a folder (without caches and byte code)."""
    return state.create(repo_id, directory_files(folder), **options)


def directory_files(folder: Path) -> dict[str, Source]:
    """Files under `folder` by their relative path."""
    return {
        path.relative_to(folder).as_posix(): Content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def weights(folder: Path, size: int, *, seed: int = 0, sparse: bool = False) -> Content:
    """A valid safetensors file of exactly `size` bytes, made once under `folder`.

    Dense files are AES-CTR noise: no two blocks alike. Sparse ones are holes with 16 bytes
    of noise per MiB: as large as one likes, nearly free on disk, and still told apart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"weights-{size}-{seed}{'-sparse' if sparse else ''}.safetensors"
    note = path.with_suffix(".sha256")
    if path.exists() and note.exists() and path.stat().st_size == size:
        return Content(path, sha256=note.read_text())
    head = _safetensors_head(size)
    digest = hashlib.sha256()
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        if sparse:
            _write_sparse(file, size, head, seed)
        else:
            file.write(head)
            digest.update(head)
            for block in _noise(size - len(head), seed):
                file.write(block)
                digest.update(block)
    partial.replace(path)
    made = Content(path) if sparse else Content(path, sha256=digest.hexdigest())
    note.write_text(made.sha256)
    return made


def files_from_spec(spec: dict[str, Any], root: Path | None) -> dict[str, Source]:
    """Files as the admin API describes them: path -> see content_from_spec.

    The path "*" takes {"directory": folder} and adds all files of it.
    """
    files: dict[str, Source] = {}
    for path, value in spec.items():
        if path == "*":
            files |= directory_files(Path(value["directory"]))
        else:
            files[path] = content_from_spec(value, root)
    return files


def content_from_spec(value: Any, root: Path | None) -> Content:
    """A string is the text itself; {"path": file}, {"hex": bytes}, or generated weights:
    {"generated": size, "seed": n, "sparse": false}."""
    if isinstance(value, str):
        return Content(value.encode())
    if "path" in value:
        return Content(Path(value["path"]))
    if "hex" in value:
        return Content(bytes.fromhex(value["hex"]))
    if root is None:
        raise ValueError("generated files need the stand-in's root folder")
    size, seed = int(value["generated"]), int(value.get("seed", 0))
    return weights(root / "weights", size, seed=seed, sparse=bool(value.get("sparse")))


def _tiny_files(seed: str) -> dict[str, Source]:
    rng = random.Random(seed)
    return {
        "README.md": f"# {seed}\n",
        "config.json": json.dumps({"model_type": "bert", "of": seed}),
        "empty.txt": b"",
        "tokenizer/vocab.txt": "\n".join(str(rng.random()) for _ in range(200)),
        "model.safetensors": rng.randbytes(1 << 20),
    }


def _safetensors_head(size: int) -> bytes:
    """Header of a file with one U8 tensor that fills it to `size` bytes."""
    for length in range(96, size + 1, 8):
        data = size - 8 - length
        tensor = {"weight": {"dtype": "U8", "shape": [data], "data_offsets": [0, data]}}
        text = json.dumps(tensor, separators=(",", ":")).encode()
        if len(text) <= length:
            return struct.pack("<Q", length) + text.ljust(length)
    raise ValueError("a generated safetensors file has at least 104 bytes")


def _noise(size: int, seed: int) -> Any:
    """Yield `size` bytes of deterministic noise in blocks."""
    key = hashlib.sha256(str(seed).encode()).digest()
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    zeros = bytes(BLOCK_BYTES)
    while size > 0:
        block = stream.update(zeros[: min(size, BLOCK_BYTES)])
        size -= len(block)
        yield block


def _write_sparse(file: Any, size: int, head: bytes, seed: int) -> None:
    file.truncate(size)
    file.write(head)
    for offset in range(SPARSE_STEP_BYTES, size - 16, SPARSE_STEP_BYTES):
        file.seek(offset)
        file.write(hashlib.md5(f"{seed}/{offset}".encode(), usedforsecurity=False).digest())
