"""A process that works on a store until it is killed; run by test_kill.py.

It prints the id of a blob once the store said that it is on the disk (after flush).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from blobstore import BlobStore
from tests.component.blobstore.kit import config, content, geometry, put_unit, sha256


def main(disk: str, seed: str) -> None:
    rng = random.Random(seed)
    with BlobStore(config(Path(disk), sync_interval_s=0.01)) as store:
        print("ready", flush=True)
        while True:
            blob_id = f"blob{rng.randrange(12)}"
            shape = geometry(rng.choice((0, 0.3, 1, 2.5, 6)))
            blob = store.get(blob_id)
            if blob is None or rng.random() < 0.2:
                print(f"gone {blob_id}", flush=True)
                store.delete(blob_id)
                blob = store.create(blob_id, shape)
            data = content(blob.geometry, f"{blob_id}/{blob.geometry.size_bytes}")
            for unit in list(blob.held.iter_missing())[: rng.randrange(1, 8)]:
                put_unit(blob, data, unit)
            if not blob.complete and blob.held.count_set and rng.random() < 0.1:
                blob.discard(next(blob.held.iter_set()))
            if blob.held.is_full:
                blob.seal(sha256(data))
            if blob.complete and rng.random() < 0.3:
                store.flush()
                print(f"kept {blob_id}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
