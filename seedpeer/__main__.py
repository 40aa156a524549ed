"""``seedpeer``: the seed's daemon in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys

from dfdaemon.config import DaemonConfig
from dfdaemon.run import command
from dfdaemon.task.memory import Memory
from seedpeer.config import SeedConfig
from seedpeer.profile import SEED


def memory_of(config: DaemonConfig) -> Memory | None:
    """The volume that the configuration names, if it names one."""
    assert isinstance(config, SeedConfig)
    store = config.object_store
    if not store.volume:
        return None
    from seedpeer.memory import VolumeMemory

    return VolumeMemory(store, store.volume, config.hub.base)


main = command(
    "seedpeer",
    SEED,
    "The seed: fetches from the origin for the whole cluster.",
    SeedConfig,
    memory_of,
)

if __name__ == "__main__":
    sys.exit(main())
