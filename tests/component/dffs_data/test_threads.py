"""Many threads at the same files: no byte is mixed up, and nobody waits for ever."""

from __future__ import annotations

import os
import random
import threading

from dffs.volume import Volume
from tests.component.dffs_data.conftest import BLOCK, Opener
from tests.component.dffs_data.test_files import create, reopen

FILES, THREADS, STEPS = 3, 8, 25
REGION = BLOCK + 1000  # so that neighbours share blocks


class Worker(threading.Thread):
    """Writes and reads back a region of each file that is its own."""

    def __init__(self, volume: Volume, inos: list[int], number: int) -> None:
        super().__init__()
        self.volume = volume
        self.number = number
        self.chance = random.Random(number)
        self.handles = [reopen(volume, ino, os.O_RDWR) for ino in inos]
        self.models = [bytearray(REGION) for _ in inos]
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(STEPS):
                self.step()
            for handle in self.handles:
                handle.flush()
                handle.release()
        except BaseException as error:
            self.failure = error

    def step(self) -> None:
        which = self.chance.randrange(len(self.handles))
        handle, model = self.handles[which], self.models[which]
        at = self.chance.randrange(REGION)
        size = min(self.chance.choice((10, 3000, 40_000)), REGION - at)
        base = self.number * REGION
        match self.chance.randrange(5):
            case 0 | 1 | 2:
                data = self.chance.randbytes(size)
                model[at : at + size] = data
                handle.write(base + at, data)
            case 3:
                found = handle.read(base + at, size)
                assert found + bytes(size - len(found)) == bytes(model[at : at + size])
            case _:
                handle.flush()


def test_neighbours_do_not_disturb_each_other(open_volume: Opener) -> None:
    volume, there = open_volume(), open_volume()
    inos = []
    for number in range(FILES):
        file = create(volume, f"f{number}")
        file.release()
        inos.append(file.ino)
    workers = [Worker(volume, inos, number) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
        if worker.failure is not None:
            raise worker.failure
    for which, ino in enumerate(inos):
        for node in (volume, there):
            file = reopen(node, ino)
            for worker in workers:
                found = file.read(worker.number * REGION, REGION)
                assert found + bytes(REGION - len(found)) == bytes(worker.models[which])
            file.release()
    assert volume.files.stats()["open_files"] == 0
    assert volume.files.stats()["buffer_bytes"] == 0
