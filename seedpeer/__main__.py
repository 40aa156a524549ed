"""``seedpeer``: the seed's daemon in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys

from dfdaemon.run import command
from seedpeer.profile import SEED

main = command("seedpeer", SEED, "The seed: fetches from the origin for the whole cluster.")

if __name__ == "__main__":
    sys.exit(main())
