"""``seedpeer``: the seed's daemon in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys

from dfdaemon.config import DaemonConfig
from dfdaemon.run import command
from dfdaemon.task.memory import Memory
from seedpeer.config import SeedConfig
from seedpeer.profile import SEED

NAMED = "dffs://"


def memory_of(config: DaemonConfig) -> Memory | None:
    """The volume that the configuration names, if it names one. Raises NotFound."""
    assert isinstance(config, SeedConfig)
    store = config.object_store
    if not store.volume:
        return None
    from dffs.named import meta_url_of
    from seedpeer.memory import VolumeMemory

    url = store.volume
    if url.startswith(NAMED):
        url = meta_url_of(url.removeprefix(NAMED).rstrip("/"))
    return VolumeMemory(store, url, config.hub.base)


main = command(
    "seedpeer",
    SEED,
    "The seed: fetches from the origin for the whole cluster.",
    SeedConfig,
    memory_of,
)

if __name__ == "__main__":
    sys.exit(main())
