"""A process that writes to a volume until it is killed, and says what was acknowledged.

python -m tests.component.dffs_data.crashing META-URL CACHE-DIR SEED [writeback]
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
from pathlib import Path

from dffs.meta.types import ROOT_CALLER, ROOT_INO
from dffs.options import CacheOptions, VolumeOptions
from dffs.vfs.parts import FilesPolicy
from dffs.volume import Volume

NAMES = 8


def main(meta_url: str, cache: str, seed: int, *how: str) -> None:
    """Write, overwrite, append; one line for each flush that returned."""
    chance = random.Random(seed)
    options = VolumeOptions(
        cache=CacheOptions(dirs=(Path(cache),), free_ratio=0.0),
        files=FilesPolicy(buffer_bytes=2 << 20, max_uploads=4),
        writeback="writeback" in how,
    )
    volume = Volume.open(meta_url, options)
    models: dict[str, bytearray] = {}
    print("ready", flush=True)
    while True:
        name = f"f{chance.randrange(NAMES)}"
        attr, _ = volume.meta.create(ROOT_CALLER, ROOT_INO, name.encode(), 0o644, exclusive=False)
        file = volume.files.opened(attr, os.O_RDWR)
        if name not in models:
            models[name] = bytearray(file.read(0, attr.size_bytes))
        model = models[name]
        for _ in range(chance.randrange(1, 4)):
            offset = chance.randrange(0, 300_000)
            data = chance.randbytes(chance.choice((10, 5_000, 70_000, 200_000)))
            if len(model) < offset:
                model.extend(bytes(offset - len(model)))
            model[offset : offset + len(data)] = data
            file.write(offset, data)
        print("begin", name, hashlib.sha256(model).hexdigest(), flush=True)
        file.fsync()
        print("done", name, flush=True)
        file.release()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
